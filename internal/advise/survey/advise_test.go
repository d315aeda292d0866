package survey

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/advise"
	"github.com/podseal/podseal/internal/advise/dockerfile"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/image"
)

// fakeEngine has the image "web:1", whose tree has an account. Of "broken:1" it has no tree.
type fakeEngine struct{ closed int }

type fakeTree struct {
	*image.MemTree
	engine *fakeEngine
}

func (t fakeTree) Close(context.Context) error { t.engine.closed++; return nil }

func (e *fakeEngine) Has(_ context.Context, ref, _ string) (bool, error) {
	if ref == "ill:1" {
		return true, errors.New("the engine is ill")
	}
	return ref == "web:1" || ref == "broken:1" || ref == "kept:1", nil
}

func (e *fakeEngine) Image(_ context.Context, ref, _ string) (image.Facts, error) {
	if ref != "web:1" && ref != "broken:1" {
		return image.Facts{}, fmt.Errorf("image %s: the engine does not have it", ref)
	}
	return image.Facts{Ref: ref, Config: &v1.ConfigFile{OS: "linux", Config: v1.Config{Cmd: []string{"/bin/web"}}}}, nil
}

func (e *fakeEngine) Tree(_ context.Context, facts image.Facts) (engine.TreeCloser, error) {
	if facts.Ref == "broken:1" {
		return nil, errors.New("reading the layers of broken:1: unexpected end")
	}
	tree := image.NewMemTree(nil, map[string]string{"/etc/passwd": "root:x:0:0:::\nweb:x:1200:1201:::\n", "/bin/sh": "", "/usr/sbin/useradd": ""})
	return fakeTree{tree, e}, nil
}

func (*fakeEngine) Stacks(context.Context) ([]image.Stack, error) { return nil, nil }

// TestAdvise advises on the arguments of the comment, a line each, in the folder of the archive's files. "want" is what
// was advised on, what was skipped, what failed, and the error.
func TestAdvise(t *testing.T) {
	golden.Run(t, "testdata/*.txtar", func(t *testing.T, a *txtar.Archive) []txtar.File {
		t.Chdir(t.TempDir())
		for _, f := range a.Files {
			if f.Name == "want" {
				continue
			}
			if err := os.MkdirAll(filepath.Dir(f.Name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(f.Name, f.Data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var b strings.Builder
		for line := range strings.Lines(string(a.Comment)) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				fmt.Fprintf(&b, "$ %s\n%s", line, advised(t, line))
			}
		}
		return golden.Want(b.String())
	})
}

// advised returns what is advised for one argument, which "FROM=" may stand before, and "no-engine=" without an engine.
func advised(t *testing.T, line string) string {
	t.Helper()
	var b strings.Builder
	e := &fakeEngine{}
	from, what, given := strings.Cut(line, "=")
	if !given {
		from, what = "", line
	}
	var unreachable error
	if from == "no-engine" {
		from, unreachable = "", errors.New("no engine")
	}
	root := ""
	outcome, err := Advise(t.Context(), what, Options{
		From: from, Catalog: advise.Catalog{Bases: []advise.CatalogBase{
			{Image: "known", Family: dockerfile.Alpine, User: &root}, {Image: "kept", Family: dockerfile.Alpine, User: &root}, {Image: "web", Family: dockerfile.Minimal},
		}},
		Connect: func(context.Context) (Engine, error) { return e, unreachable },
		ReadFile: func(name string) ([]byte, error) {
			if name == "-" {
				name = "stdin"
			}
			return os.ReadFile(name)
		},
		Skipped: func(err error) { fmt.Fprintln(&b, "skipped:", err) },
	})
	for _, r := range outcome.Images {
		fmt.Fprintf(&b, "image %s: %s, as %d:%d, %d findings, %d notes\n", r.Image, r.Ways[0].Kind, r.User.UID, r.User.GID, len(r.Findings), len(r.Notes))
		for _, c := range r.Containers {
			fmt.Fprintln(&b, "  run by", c)
		}
	}
	for _, d := range outcome.Dockerfiles {
		fmt.Fprintf(&b, "%s: final stage from %s (read: %v, of the input: %v)\n", d.File, d.Base, d.BaseRead, d.Stdin)
		for _, change := range d.Says {
			fmt.Fprintln(&b, " ", change)
		}
	}
	for _, f := range outcome.Failed {
		fmt.Fprintf(&b, "failed: %s: %s\n", f.What, f.Why)
	}
	if bad := new(InputError); err != nil {
		fmt.Fprintf(&b, "error (of the input: %v): %v\n", errors.As(err, &bad), err)
	}
	fmt.Fprintf(&b, "trees closed: %d\n", e.closed)
	return b.String()
}
