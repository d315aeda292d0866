// Package config reads podseal.yaml, which describes many targets: bytes in, values out. It touches no file and no
// environment. Every value keeps its place in the file, for messages.
package config

import (
	"path/filepath"
)

// Version is the version of the format that this package reads.
const Version = 1

// DefaultName is the name of the file that `podseal run` reads where none is named.
const DefaultName = "podseal.yaml"

// File is a podseal.yaml, version 1.
type File struct {
	// Version is the version of the format.
	Version int `json:"version"`
	// Defaults hold for every target that does not set the same key.
	Defaults Defaults `json:"defaults,omitzero"`
	// Services are containers that targets need. They run as their images say and are not sealed.
	Services map[string]Service `json:"services,omitempty"`
	// Targets are the containers to seal. Reports have their order.
	Targets []Target `json:"targets"`

	name   string
	places map[string]Place
}

// Place is a position in the file. Line and Column count from 1.
type Place struct{ Line, Column int }

// Name returns the name of the file, as it was given to Parse.
func (f *File) Name() string { return f.name }

// Folder returns the folder that relative paths of the file start from.
func (f *File) Folder() string { return filepath.Dir(f.name) }

// Place returns where a value stands: "targets[0].image". For a value that the file does not hold it is the place of the
// nearest value around it.
func (f *File) Place(path string) Place {
	for ; path != ""; path = parentPath(path) {
		if p, ok := f.places[path]; ok {
			return p
		}
	}
	return Place{1, 1}
}

// Fail returns an error about the value at a path.
func (f *File) Fail(path, format string, args ...any) error {
	return Problems{f.problem(path, format, args...)}
}

// Parse reads a podseal.yaml. The error is a Problems with every fault that was found, or one about the YAML itself.
func Parse(name string, source []byte) (*File, error) {
	root, err := parseYAML(name, source)
	if err != nil {
		return nil, err
	}
	f := &File{name: name, places: map[string]Place{}}
	d := decoder{file: f, budget: maxValues}
	if root == nil {
		return nil, f.Fail("", "the file is empty: it needs version: %d and targets; `podseal init` writes one", Version)
	}
	d.decode("", root, f)
	if len(d.problems) == 0 {
		d.problems = f.check()
	}
	if len(d.problems) > 0 {
		return nil, d.problems.sorted()
	}
	return f, nil
}

// Target returns the target of a name, and its index in Targets; the index is -1 if there is none.
func (f *File) Target(name string) (Target, int) {
	for i, t := range f.Targets {
		if t.Name == name {
			return t, i
		}
	}
	return Target{}, -1
}

// TargetNames returns the names of all targets, in the order of the file.
func (f *File) TargetNames() []string {
	names := make([]string, len(f.Targets))
	for i, t := range f.Targets {
		names[i] = t.Name
	}
	return names
}
