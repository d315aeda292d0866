package sealfile

import (
	"fmt"
	"path"
	"reflect"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/yamledit"
)

// Entry is a seal with its place.
type Entry struct {
	Seal
	File string // as it was named; empty for a seal that an image has in its registry
	Line int    // of the document, from 1; 0 without a file
	// Attached is the image that has the seal in its registry, with its digest now; empty for a file.
	Attached string
}

// Source names the file of the seal, or the image that has it.
func (e Entry) Source() string {
	if e.Attached != "" {
		return "the seal of " + e.Attached
	}
	return e.File
}

// Place names the place of the seal for messages, "FILE:LINE".
func (e Entry) Place() string {
	if e.Attached != "" {
		return e.Source()
	}
	return fmt.Sprintf("%s:%d", e.File, e.Line)
}

// Parse reads the seals of a file. Its errors are *yamledit.Error or a *yamledit.ForeignError, with the line. A file
// without a seal is an error.
func Parse(file string, source []byte) ([]Entry, error) {
	if err := yamledit.CheckEncoding(file, source); err != nil {
		return nil, err
	}
	var out []Entry
	for i, chunk := range yamledit.Split(source) {
		doc, err := yamledit.Parse(file, i, chunk)
		if err != nil {
			return nil, err
		}
		if doc.Root == nil || doc.Root.Tag == "!!null" {
			continue
		}
		e := Entry{File: file, Line: doc.Line(doc.Root)}
		if e.Seal, err = read(doc); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	if len(out) == 0 {
		return nil, &yamledit.Error{File: file, Reason: "no seal in it: podseal run --seal writes one"}
	}
	return out, nil
}

// read reads one document.
func read(doc *yamledit.Document) (s Seal, err error) {
	_, version, ok := yamledit.Lookup(doc.Root, "version")
	switch {
	case !ok:
		return s, doc.Fail(doc.Root, "not a seal: it has no version; podseal run --seal writes seal files")
	case version.Value != Version:
		return s, doc.Fail(version, "version %q of a seal is not known: this podseal reads %s", version.Value, Version)
	}
	if err := (decoder{doc}).decode(doc.Root, reflect.ValueOf(&s).Elem(), "a seal"); err != nil {
		return Seal{}, err
	}
	return s, checker{doc}.check(s)
}

// checker refuses values that no seal has.
type checker struct{ doc *yamledit.Document }

func (c checker) check(s Seal) error {
	for _, required := range []struct {
		value string
		at    []string
	}{
		{s.Verdict, []string{"verdict"}},
		{s.Image.Reference, []string{"image", "reference"}},
		{s.Commands.Hash, []string{"commands", "hash"}},
		{s.Run.Date, []string{"run", "date"}},
	} {
		if required.value == "" {
			name := required.at[len(required.at)-1]
			if len(required.at) > 1 {
				name = required.at[0] + "." + name
			}
			return c.fail(required.at, "the seal has no "+name)
		}
	}
	if _, err := time.Parse(time.RFC3339, s.Run.Date); err != nil {
		return c.fail([]string{"run", "date"}, "run.date is not a time as in 2026-01-31T12:00:00Z: "+s.Run.Date)
	}
	for _, x := range s.Exceptions {
		if _, err := time.Parse(time.DateOnly, x.Expires); x.Expires != "" && err != nil {
			return c.fail([]string{"exceptions"}, "expires of exception "+x.Setting+" is not a date as in 2026-01-31: "+x.Expires)
		}
	}
	return c.profile(s.Profile)
}

func (c checker) profile(p profile.Profile) error {
	if p.Open {
		return c.fail([]string{"profile", "open"}, "the profile of a seal is never the unrestricted one")
	}
	if p.User.UID < 0 || p.User.GID < 0 {
		return c.fail([]string{"profile", "user"}, "a user or group is below 0")
	}
	last := ""
	for _, m := range p.Mounts {
		switch {
		case !path.IsAbs(m.Path) || path.Clean(m.Path) != m.Path:
			return c.fail([]string{"profile", "mounts"}, "the path of a mount is not absolute and clean: "+m.Path)
		case m.Path <= last:
			return c.fail([]string{"profile", "mounts"}, "the mounts are not sorted, or one is given twice: "+m.Path)
		case !slices.Contains([]profile.MountKind{profile.Plain, profile.Owned, profile.Seeded}, m.Kind):
			return c.fail([]string{"profile", "mounts"}, "the kind of mount "+m.Path+" is not plain, owned or seeded: "+string(m.Kind))
		case m.Medium != profile.Disk && m.Medium != profile.Memory:
			return c.fail([]string{"profile", "mounts"}, "the medium of mount "+m.Path+" is not Memory: "+string(m.Medium))
		}
		last = m.Path
	}
	return nil
}

// fail returns an error about the deepest node of a path that exists.
func (c checker) fail(at []string, reason string) error {
	n := c.doc.Root
	for _, key := range at {
		k, v, ok := yamledit.Lookup(n, key)
		if !ok {
			break
		}
		n = v
		if v.Kind != yaml.ScalarNode {
			n = withLine(v, k.Line)
		}
	}
	return c.doc.Fail(n, "%s", reason)
}

// withLine returns a copy of a node that starts on another line: that of its key.
func withLine(n *yaml.Node, line int) *yaml.Node {
	moved := *n
	moved.Line = line
	return &moved
}
