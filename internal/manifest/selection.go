package manifest

import (
	"fmt"
	"slices"
	"strings"
)

// Target is one container that is to be sealed.
type Target struct {
	Pod       *Pod
	Container Container
}

// Selection says which containers are to be sealed. Objects are named "kind/name", "kind/" or "name", the kind in any
// case. The zero value selects all containers but the init containers of an earlier seal.
type Selection struct {
	Object    string   // the object whose containers are sealed; empty selects all
	Container string   // the name of the container; empty selects all
	Exclude   []string // objects whose containers are not sealed
}

// Select chooses containers of the file. See Select.
func (f *File) Select(object, container string) ([]Target, error) {
	return Select([]*File{f}, Selection{Object: object, Container: container})
}

// Select chooses containers of several files. A selection that matches no container is an error, and so are an exclusion
// that matches no object and a container name that several pods have.
func Select(files []*File, s Selection) ([]Target, error) {
	pods, err := s.pods(files)
	if err != nil {
		return nil, err
	}
	var out []Target
	var holders []string
	for _, p := range pods {
		if s.Object != "" && !matches(s.Object, p.Kind, p.Name) {
			continue
		}
		for _, c := range p.Containers {
			if s.Container == "" && !c.Seed() || s.Container != "" && c.Name == s.Container {
				out = append(out, Target{p, c})
				holders = append(holders, p.place(len(files) > 1))
			}
		}
	}
	switch {
	case len(out) == 0:
		return nil, &Error{File: names(files), Reason: fmt.Sprintf("%s; there are: %s", s.unmatched(), inventory(pods))}
	case s.Container != "" && len(out) > 1:
		return nil, &Error{File: names(files), Reason: fmt.Sprintf("container %q is ambiguous: %s have one; choose with --select kind/name",
			s.Container, strings.Join(holders, ", "))}
	}
	return out, nil
}

// unmatched says what no container fits.
func (s Selection) unmatched() string {
	switch {
	case s.Object == "":
		return "no container is named " + s.Container
	case s.Container == "":
		return "--select " + s.Object + " fits no object with a container"
	}
	return "--select " + s.Object + " fits no object with a container named " + s.Container
}

// pods returns the pods that are not excluded.
func (s Selection) pods(files []*File) ([]*Pod, error) {
	var all, left []*Pod
	unused := slices.Clone(s.Exclude)
	visit := func(kind, name string) {
		unused = slices.DeleteFunc(unused, func(word string) bool { return matches(word, kind, name) })
	}
	for _, f := range files {
		for _, o := range f.Objects {
			visit(o.Kind, o.Name)
		}
		for _, p := range f.Pods {
			visit(p.Kind, p.Name)
			all = append(all, p)
			if !s.Excludes(p.Kind, p.Name) {
				left = append(left, p)
			}
		}
	}
	switch {
	case len(unused) > 0:
		return nil, &Error{File: names(files), Reason: fmt.Sprintf("--exclude %s fits no object; there are: %s", unused[0], inventory(all))}
	case len(all) == 0:
		return nil, noPod(files)
	case len(left) == 0:
		return nil, &Error{File: names(files), Reason: "--exclude leaves no pod to seal: " + strings.Join(s.Exclude, ", ")}
	}
	return left, nil
}

// Excludes reports whether the selection excludes an object.
func (s Selection) Excludes(kind, name string) bool {
	return slices.ContainsFunc(s.Exclude, func(word string) bool { return matches(word, kind, name) })
}

// matches reports whether "kind/name", "kind/" or "name" names an object.
func matches(word, kind, name string) bool {
	wantKind, wantName, found := strings.Cut(word, "/")
	if !found {
		return name == word
	}
	return strings.EqualFold(wantKind, kind) && (wantName == "" || wantName == name)
}

// place names a pod with its line, and its file if there are several.
func (p *Pod) place(several bool) string {
	if several {
		return fmt.Sprintf("%s (%s:%d)", p, p.Document.File, p.Line)
	}
	return fmt.Sprintf("%s (line %d)", p, p.Line)
}

// names names the files of an error that concerns all of them.
func names(files []*File) string {
	switch len(files) {
	case 0:
		return "the input"
	case 1:
		return files[0].Name
	}
	return fmt.Sprintf("%s and %d more", files[0].Name, len(files)-1)
}

// inventory lists the first pods and their containers.
func inventory(pods []*Pod) string {
	const most = 10
	var parts []string
	for _, p := range pods[:min(len(pods), most)] {
		var names []string
		for _, c := range p.Containers {
			names = append(names, c.Name)
		}
		parts = append(parts, fmt.Sprintf("%s/%s with %s", p.Kind, p.Name, strings.Join(names, ", ")))
	}
	if len(pods) > most {
		parts = append(parts, "...")
	}
	return strings.Join(parts, "; ")
}

// noPod says why files without a pod have nothing to seal.
func noPod(files []*File) error {
	var objects []Object
	for _, f := range files {
		objects = append(objects, f.Objects...)
	}
	if i := slices.IndexFunc(objects, func(o Object) bool { return o.Unsealed() != nil }); i >= 0 {
		return objects[i].Unsealed()
	}
	if len(objects) == 0 {
		return &Error{File: names(files), Reason: "no Kubernetes object in it: each document of a manifest has apiVersion, kind and metadata"}
	}
	first := objects[0]
	return first.Document.Fail(first.Node, "no pod in it: the kinds that have one are %s; for another kind use --pod-path; the first object here is %s",
		kindNames, first)
}
