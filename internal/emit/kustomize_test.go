package emit

import (
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/podseal/podseal/internal/manifest"
)

// The component really builds over the manifest, and gives what the splice gives.
func TestKustomizeMeansTheSplice(t *testing.T) {
	count := 0
	for _, c := range viewCases(t) {
		files, _, err := Kustomize([]*manifest.File{c.file}, c.edits)
		if err != nil {
			if !strings.Contains(err.Error(), "without a name") {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if _, err := kustomized(t, c, nil); err != nil {
			continue // kustomize does not take the manifest by itself: an object without a name
		}
		got, err := kustomized(t, c, files)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		count++
		sameObjects(t, c, "kustomize", got)
	}
	if count < 60 {
		t.Errorf("only %d cases were built", count)
	}
}

func kustomized(t *testing.T, c viewCase, files []File) (map[string]any, error) {
	t.Helper()
	fs := filesys.MakeFsInMemory()
	put := func(name string, data []byte) {
		if err := fs.WriteFile(name, data); err != nil {
			t.Fatal(err)
		}
	}
	put("/app/base/in.yaml", c.source)
	put("/app/base/kustomization.yaml", []byte("resources:\n- in.yaml\n"))
	top := "resources:\n- base\n"
	if len(files) > 0 {
		top += "components:\n- seal\n"
	}
	put("/app/kustomization.yaml", []byte(top))
	for _, f := range files {
		put("/app/seal/"+f.Name, f.Data)
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(fs, "/app")
	if err != nil {
		return nil, err
	}
	text, err := built.AsYaml()
	if err != nil {
		return nil, err
	}
	f, err := manifest.Parse("built.yaml", text, c.podPath)
	if err != nil {
		return nil, err
	}
	return objects(t, f), nil
}
