// Package config reads podseal.yaml, which describes many targets: bytes in, values out. It touches no file and no
// environment. Every value keeps its place in the file, for messages.
package config

import (
	"errors"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/podseal/podseal/internal/strictyaml"
	"github.com/podseal/podseal/internal/yamledit"
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
	places strictyaml.Places
}

// Name returns the name of the file, as it was given to Parse.
func (f *File) Name() string { return f.name }

// Folder returns the folder that relative paths of the file start from.
func (f *File) Folder() string { return filepath.Dir(f.name) }

// Place returns where a value stands: "targets[0].image". For a value that the file does not hold it is the place of the
// nearest value around it.
func (f *File) Place(path string) strictyaml.Place { return f.places.Of(path) }

// Fail returns an error about the value at a path.
func (f *File) Fail(path, format string, args ...any) error {
	return Problems{strictyaml.NewProblem(f.name, f.Place(path), format, args...)}
}

// Parse reads a podseal.yaml. The error is a Problems with every fault that was found, or one about the YAML itself.
func Parse(name string, source []byte) (*File, error) {
	doc, err := parseYAML(name, source)
	if err != nil {
		return nil, err
	}
	f := &File{name: name}
	if doc == nil {
		return nil, f.Fail("", "the file is empty: it needs version: %d and targets; `podseal init` writes one", Version)
	}
	removeExtensions(doc.Root)
	if f.places, err = strictyaml.Decode(doc, f); err == nil {
		err = f.check().Err()
	}
	if problems := strictyaml.Problems(nil); errors.As(err, &problems) {
		return nil, Problems(problems)
	}
	return f, nil
}

// parseYAML returns the document of a source; nil for an empty one.
func parseYAML(name string, source []byte) (only *yamledit.Document, err error) {
	if err := yamledit.CheckEncoding(name, source); err != nil {
		return nil, err
	}
	for i, chunk := range yamledit.Split(source) {
		doc, err := yamledit.Parse(name, i, chunk)
		if err != nil {
			return nil, err
		}
		if doc.Root == nil {
			continue
		}
		if only != nil {
			return nil, Problems{strictyaml.NewProblem(name, strictyaml.Place{Line: chunk.Line + 1, Column: 1}, "the file has a second document: put all targets into the first")}
		}
		only = doc
	}
	return only, nil
}

// removeExtensions removes the keys that start with x- from a mapping. They hold anchors, as in Compose files.
func removeExtensions(n *yaml.Node) {
	var kept []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		if !strings.HasPrefix(n.Content[i].Value, "x-") {
			kept = append(kept, n.Content[i:i+2]...)
		}
	}
	if n.Kind == yaml.MappingNode {
		n.Content = kept
	}
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
