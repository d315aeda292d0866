//go:build engine

package docker

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	dockerimage "github.com/docker/docker/api/types/image"

	"github.com/podseal/podseal/internal/image"
)

// Both builders, on an engine: the image is there with its label, a failure comes with its last lines, and the sweep
// removes all that the build made.
func TestBuild(t *testing.T) {
	for _, kit := range []string{"0", "1"} {
		t.Run("DOCKER_BUILDKIT="+kit, func(t *testing.T) {
			t.Setenv("DOCKER_BUILDKIT", kit)
			b := newBench(t)
			base := b.app(nil)
			dir := t.TempDir()
			for name, text := range map[string]string{"data": t.Name(), "left-out": "x", ".dockerignore": "left-out"} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			text := "FROM " + base.Ref + " AS one\nCOPY data /d1\nFROM " + base.Ref + "\nARG WHO\nCOPY --from=one /d1 /d2\nUSER $WHO\n"
			who := "123"
			build := Build{Dir: dir, Name: filepath.Join(dir, "Dockerfile"), Dockerfile: []byte(text), Args: map[string]*string{"WHO": &who}}
			before := b.imagesFrom(base)
			ref, err := b.Build(t.Context(), build)
			if err != nil {
				t.Fatal(err)
			}
			facts, err := b.Image(t.Context(), ref, "")
			if err != nil || facts.Config.Config.User != "123" || facts.Config.Config.Labels[labelBuilt] != b.RunID() {
				t.Errorf("%v %+v", err, facts.Config.Config)
			}
			build.Dockerfile = append(build.Dockerfile, "COPY left-out /x\n"...)
			failed := new(BuildError)
			if _, err := b.Build(t.Context(), build); !errors.As(err, &failed) || !strings.Contains(failed.Text, "left-out") || len(failed.Lines) == 0 {
				t.Errorf("a file that .dockerignore leaves out: %v, %q", err, failed.Lines)
			}
			for _, bad := range []string{"FROM", "RUN x", "FROM " + base.Ref + "\nNONSENSE\n"} {
				build.Dockerfile = []byte(bad)
				if _, err := b.Build(t.Context(), build); !errors.As(err, &failed) {
					t.Errorf("%q: %v", bad, err)
				}
			}
			if err := b.Sweep(context.Background()); err != nil {
				t.Fatal(err)
			}
			for _, id := range b.imagesFrom(base) {
				if !slices.Contains(before, id) {
					t.Errorf("image %s is left", id)
				}
			}
		})
	}
}

// imagesFrom are the ids of the images that are made from another one.
func (b bench) imagesFrom(base image.Facts) []string {
	b.t.Helper()
	all, err := b.api.ImageList(context.Background(), dockerimage.ListOptions{All: true})
	if err != nil {
		b.t.Fatal(err)
	}
	var out []string
	for _, i := range all {
		found, err := b.api.ImageInspect(context.Background(), i.ID)
		if err == nil && len(image.BaseOf(found.RootFS.Layers, nil, []image.Stack{{Layers: base.Layers()}})) > 0 {
			out = append(out, i.ID)
		}
	}
	return out
}
