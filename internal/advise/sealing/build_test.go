package sealing

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/podseal/podseal/internal/advise"
	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/target"
)

// The build context is the folder of the Dockerfile, or the one that is given, which must exist.
func TestContextOfBuilds(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	file := filepath.Join(dir, "Dockerfile")
	if err := os.WriteFile(file, []byte("FROM scratch\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string]string{"": dir, other: other, filepath.Join(dir, "none"): "", file: ""} {
		b, err := NewBuild(advise.DockerfileReport{File: file}, map[string]string{"A": "1"}, docker.Build{Dir: given})
		if want == "" {
			if err == nil || !strings.Contains(err.Error(), "no such folder") {
				t.Errorf("--context %s: %v", given, err)
			}
			continue
		}
		if err != nil || b.Dir != want || *b.Args["A"] != "1" || b.Name != file {
			t.Errorf("--context %s: %+v (%v)", given, b, err)
		}
	}
}

// Advice is for an image that declares root: with the user that its entrypoint drops to, under the command of the target.
func TestAdviceForImages(t *testing.T) {
	tree, err := image.ParseMemTree("-- /etc/passwd --\nroot:x:0:0:::\nsvc:x:7:8:::\n-- /etc/group --\nsvc:x:8:\n")
	if err != nil {
		t.Fatal(err)
	}
	gosu := []string{"gosu", "svc", "serve"}
	tests := []struct {
		name   string
		config v1.Config
		target target.Target
		users  int // -1 where there is no advice
	}{
		{"its entrypoint drops", v1.Config{Entrypoint: gosu}, target.Target{}, 1},
		{"it stays root", v1.Config{Entrypoint: []string{"serve"}}, target.Target{}, 0},
		{"it declares a user", v1.Config{Entrypoint: gosu, User: "7"}, target.Target{}, -1},
		{"the target's command drops", v1.Config{Entrypoint: []string{"serve"}, Cmd: []string{"x"}}, target.Target{Entrypoint: gosu}, 1},
		{"the target's command replaces it", v1.Config{Entrypoint: []string{"tini", "--"}, Cmd: gosu}, target.Target{Entrypoint: []string{"tini", "--"}}, 0},
		{"the target's arguments drop", v1.Config{Entrypoint: []string{"tini", "--"}, Cmd: []string{"serve"}}, target.Target{Args: gosu}, 1},
	}
	for _, tt := range tests {
		facts := image.Facts{Config: &v1.ConfigFile{OS: "linux", Config: tt.config}}
		got, err := Advice(t.Context(), tt.target, facts, tree)
		switch {
		case err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case got == nil && tt.users >= 0 || got != nil && len(got.Users) != max(tt.users, 0) || got != nil && tt.users < 0:
			t.Errorf("%s: %+v, want %d users", tt.name, got, tt.users)
		case tt.users == 1 && got.Users[0].User.UID != 7:
			t.Errorf("%s: %+v", tt.name, got.Users)
		}
	}
}
