package input

import (
	"path/filepath"
	"slices"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/podseal/podseal/internal/infile"
)

// withoutComponent is a file system where kustomizations do not refer to one component: that of an earlier seal, which the
// next one replaces. A build with it would be sealed already, and the new component empty.
type withoutComponent struct {
	filesys.FileSystem
	folder string // of the component
}

// ReadFile reads a file up to a limit. The component is left out of a kustomization.
func (w withoutComponent) ReadFile(name string) ([]byte, error) {
	if err := infile.Check(name); err != nil {
		return nil, err
	}
	data, err := w.FileSystem.ReadFile(name)
	if err != nil || !slices.Contains(konfig.RecognizedKustomizationFileNames(), filepath.Base(name)) {
		return data, err
	}
	var fields map[string]any
	if yaml.Unmarshal(data, &fields) != nil {
		return data, nil //nolint:nilerr // the library reports it, in its words
	}
	all, _ := fields["components"].([]any)
	kept := slices.DeleteFunc(slices.Clone(all), func(entry any) bool {
		path, ok := entry.(string)
		return ok && isEntry(filepath.Dir(name), path, w.folder)
	})
	if len(kept) == len(all) {
		return data, nil
	}
	if fields["components"] = kept; len(kept) == 0 {
		delete(fields, "components")
	}
	return yaml.Marshal(fields)
}

// isEntry reports whether an entry of a kustomization in a folder names another folder. An empty one is never named.
func isEntry(folder, entry, named string) bool {
	if named == "" {
		return false
	}
	if !filepath.IsAbs(entry) {
		entry = filepath.Join(folder, entry)
	}
	return place(entry) == place(named)
}

// place returns the absolute path of a file or folder without links, whether it exists or its parent does.
func place(name string) string {
	abs, err := filepath.Abs(name)
	if err != nil {
		return filepath.Clean(name)
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		return real
	}
	if real, err := filepath.EvalSymlinks(filepath.Dir(abs)); err == nil {
		return filepath.Join(real, filepath.Base(abs))
	}
	return abs
}
