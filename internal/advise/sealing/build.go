package sealing

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/podseal/podseal/internal/advise"
	"github.com/podseal/podseal/internal/docker"
)

// NewBuild returns the build of a changed Dockerfile: the given one with its folder, text and arguments. Without a folder, it is
// that of the Dockerfile.
func NewBuild(d advise.DockerfileReport, args map[string]string, b docker.Build) (docker.Build, error) {
	if b.Dir == "" {
		b.Dir = filepath.Dir(d.File)
	}
	if st, err := os.Stat(b.Dir); err != nil || !st.IsDir() {
		return b, fmt.Errorf("--context %s: there is no such folder", b.Dir)
	}
	b.Name, b.Dockerfile, b.Bases, b.Args = d.File, d.Patched, d.Bases, map[string]*string{}
	for name, value := range args {
		b.Args[name] = &value
	}
	return b, nil
}
