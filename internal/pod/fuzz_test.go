package pod_test

import (
	"cmp"
	"errors"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/pod"
	"github.com/podseal/podseal/internal/target"
)

// Whatever the manifest, Read ends with a pod or an error that names the file, and the pod is one that can be run: its
// mounts are of its volumes, clean, sorted and inside them.
func FuzzRead(f *testing.F) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		a, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(a.Files[0].Data, strings.Contains(name, "hostpath"))
	}
	f.Fuzz(func(t *testing.T, source []byte, allow bool) {
		file, err := manifest.Parse("in.yaml", source, "")
		if err != nil {
			return
		}
		var objects pod.Objects
		objects.Add(file)
		for _, p := range file.Pods {
			got, err := pod.Read(p, &objects, pod.Options{AllowHostPath: allow})
			if err != nil {
				if placed := new(manifest.Error); !errors.As(err, &placed) || placed.File != "in.yaml" || placed.Line == 0 {
					t.Errorf("an error without a place: %v", err)
				}
				continue
			}
			for _, name := range got.Names() {
				checkTarget(t, got.Target(name, nil))
			}
		}
	})
}

func checkTarget(t *testing.T, x target.Target) {
	t.Helper()
	if x.Pod.Name == "" || len(x.Pod.Name) > 63 {
		t.Errorf("hostname %q", x.Pod.Name)
	}
	if !slices.IsSortedFunc(x.Mounts, func(a, b target.VolumeMount) int { return cmp.Compare(a.Path, b.Path) }) {
		t.Errorf("unsorted mounts %+v", x.Mounts)
	}
	for _, m := range x.Mounts {
		v, ok := x.Pod.Volume(m.Volume)
		if !ok || m.Path == "/" || m.Path != path.Clean(m.Path) || !path.IsAbs(m.Path) {
			t.Errorf("mount %+v", m)
		}
		if m.SubPath != "" && (!filepath.IsLocal(m.SubPath) || m.SubPath != path.Clean(m.SubPath)) {
			t.Errorf("mount %+v leaves its volume", m)
		}
		if m.Own && v.Kind != target.EmptyDir {
			t.Errorf("mount %+v of a %s", m, v.Kind)
		}
		for _, f := range v.Files {
			if !filepath.IsLocal(f.Path) || f.Mode < 0 || f.Mode > 0o777 {
				t.Errorf("file %q, mode %o", f.Path, f.Mode)
			}
		}
	}
	for _, p := range append(slices.Clone(x.Ports), x.Pod.Ports...) {
		if p < 1 || p > 65535 {
			t.Errorf("port %d", p)
		}
	}
	if x.Pod.Default != "" && !slices.ContainsFunc(append(slices.Clone(x.Pod.Before), x.Pod.After...), func(m target.Member) bool { return m.Name == x.Pod.Default }) {
		t.Errorf("no container %q", x.Pod.Default)
	}
}
