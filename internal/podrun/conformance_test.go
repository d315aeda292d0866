//go:build engine

package podrun

import (
	"os"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/podseal/podseal/internal/docker/dockertest"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/engine/enginetest"
	"github.com/podseal/podseal/internal/image"
)

// TestConformance runs the conformance suite of package engine.
func TestConformance(t *testing.T) {
	program, err := dockertest.Compile(enginetest.Program)
	if err != nil {
		t.Fatal(err)
	}
	enginetest.Run(t, func(t *testing.T, c enginetest.Case) (engine.Engine, string) {
		b := newBench(t)
		facts := b.load(caseFiles(t, c, program), func(to *v1.Config) {
			*to = c.Facts.Config.Config
			to.Entrypoint = []string{"/app"}
			to.Env = append(to.Env, "SCRIPT="+c.Source)
		})
		return b.Engine, facts.Ref
	})
}

// caseFiles returns the files of a case, with a program as /app and busybox in place of the programs in /bin.
func caseFiles(t *testing.T, c enginetest.Case, program []byte) []file {
	t.Helper()
	entries, _, err := c.Tree.List(t.Context(), "/", 10000)
	if err != nil {
		t.Fatal(err)
	}
	files := []file{{Name: "app", Mode: 0o755, Data: program}}
	for _, e := range entries {
		name := strings.TrimPrefix(e.Path, "/")
		f := file{Name: name, Mode: int64(e.Mode.Perm()), UID: int(e.UID), GID: int(e.GID), Link: e.Link}
		switch {
		case e.Kind == image.Dir:
			f.Name += "/"
		case strings.HasPrefix(name, "bin/"):
			f.Link = "/busybox"
		case e.Kind == image.File:
			if f.Data, err = c.Tree.ReadFile(t.Context(), e.Path); err != nil {
				t.Fatal(err)
			}
		}
		files = append(files, f)
	}
	if slices.ContainsFunc(files, func(f file) bool { return f.Link == "/busybox" }) {
		data, err := os.ReadFile("/bin/busybox")
		if err != nil {
			dockertest.Missing(t, "no static busybox at /bin/busybox (Debian package busybox-static)")
		}
		files = append(files, file{Name: "busybox", Mode: 0o755, Data: data})
	}
	return files
}
