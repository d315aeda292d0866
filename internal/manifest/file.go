// Package manifest finds pods and their containers in YAML source, with positions.
package manifest

import (
	"bytes"
	"fmt"
	"maps"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/podseal/podseal/internal/yamledit"
)

// File is a parsed manifest file: a stream of documents, and the pods in them.
type File struct {
	Name      string
	Source    []byte
	Options   Options
	Documents []*yamledit.Document
	Pods      []*Pod
	Objects   []Object // the objects without a pod

	used map[string]bool // the names of Options.Parameters that containers refer to
}

// Options say how a file is read.
type Options struct {
	PodPath    string            // where objects of kinds that podseal does not know keep their pod; empty: nowhere
	Parameters map[string]string // values of the parameters of workflows and tasks, which win over those of the file
}

// UsesParameter reports whether a container of the file refers to a name of Options.Parameters.
func (f *File) UsesParameter(name string) bool { return f.used[name] }

// Error is an error of a manifest, with its file and line.
type Error = yamledit.Error

// Parse reads a file. The name is for messages. A podPath, if not empty, says where objects of kinds that podseal does
// not know keep their pod.
func Parse(name string, source []byte, podPath string) (*File, error) {
	return ParseWith(name, source, Options{PodPath: podPath})
}

// ParseWith reads a file. The name is for messages.
func ParseWith(name string, source []byte, o Options) (*File, error) {
	f := &File{Name: name, Source: source, Options: o, used: map[string]bool{}}
	if err := yamledit.CheckEncoding(name, source); err != nil {
		return nil, err
	}
	if o.PodPath != "" {
		if _, err := yamledit.ParsePath(o.PodPath); err != nil {
			return nil, err
		}
	}
	chunks := yamledit.Split(source)
	parts := make([]File, len(chunks)) // a document each
	errs := make([]error, len(chunks))
	Each(len(chunks), func(i int) {
		parts[i] = File{Name: name, Options: o, used: map[string]bool{}}
		errs[i] = parts[i].readDocument(i, chunks[i])
	})
	for i, part := range parts {
		if err := errs[i]; err != nil {
			if bytes.Contains(argoReference.ReplaceAll(chunks[i].Text, nil), []byte("{{")) {
				err = fmt.Errorf("%w (this looks like a template: give podseal what helm template makes of it)", err)
			}
			return nil, err
		}
		f.Documents = append(f.Documents, part.Documents...)
		f.Pods = append(f.Pods, part.Pods...)
		f.Objects = append(f.Objects, part.Objects...)
		maps.Copy(f.used, part.used)
	}
	return f, nil
}

func (f *File) readDocument(index int, c yamledit.Chunk) error {
	d, err := yamledit.Parse(f.Name, index, c)
	if err != nil {
		return err
	}
	f.Documents = append(f.Documents, d)
	if d.Root == nil || d.Root.Tag == "!!null" {
		return nil
	}
	return f.readObject(d, d.Root, "")
}

// readObject finds the pod of one object, or those of a list's items. The prefix is the path from the document.
func (f *File) readObject(d *yamledit.Document, object *yaml.Node, prefix string) error {
	if object.Kind != yaml.MappingNode {
		return yamledit.Foreign(d.File, d.Line(object), "not a Kubernetes object: it has no apiVersion and kind")
	}
	h := readHeader(object)
	if h.kind == "" {
		return yamledit.Foreign(d.File, d.Line(object), "not a Kubernetes object: it has no kind")
	}
	if _, items, ok := yamledit.Lookup(object, "items"); ok && strings.HasSuffix(h.kind, "List") && yamledit.Target(items).Kind == yaml.SequenceNode {
		if items.Kind == yaml.AliasNode {
			return d.Fail(items, "the items of this list are an alias; write them out")
		}
		for i, item := range items.Content {
			if err := f.readObject(d, item, fmt.Sprintf("%sitems[%d].", prefix, i)); err != nil {
				return err
			}
		}
		return nil
	}
	pods, rest, err := f.podsOf(d, object, h, prefix)
	if err != nil {
		return err
	}
	f.Pods = append(f.Pods, pods...)
	f.Objects = append(f.Objects, rest...)
	return nil
}
