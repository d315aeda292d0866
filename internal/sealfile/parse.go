package sealfile

import (
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/strictyaml"
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

// Parse reads the seals of a file. The error is a strictyaml.Problems with every fault of the first document that has one, or one
// of yamledit about the YAML itself. A file without a seal is an error.
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
	places, err := strictyaml.Decode(doc, &s)
	if err != nil {
		return Seal{}, err
	}
	c := checker{file: doc.File, places: places}
	c.check(s)
	return s, c.problems.Err()
}

// checker collects values that no seal has.
type checker struct {
	file     string
	places   strictyaml.Places
	problems strictyaml.Problems
}

func (c *checker) fail(path, format string, args ...any) {
	c.problems = append(c.problems, strictyaml.NewProblem(c.file, c.places.Of(path), format, args...))
}

func (c *checker) check(s Seal) {
	for _, required := range []struct{ path, value string }{
		{"verdict", s.Verdict}, {"image.reference", s.Image.Reference}, {"commands.hash", s.Commands.Hash}, {"run.date", s.Run.Date},
	} {
		if required.value == "" {
			c.fail(required.path, "the seal has no %s", required.path)
		}
	}
	if _, err := time.Parse(time.RFC3339, s.Run.Date); s.Run.Date != "" && err != nil {
		c.fail("run.date", "run.date is not a time as in 2026-01-31T12:00:00Z: %s", s.Run.Date)
	}
	for i, x := range s.Exceptions {
		if _, err := time.Parse(time.DateOnly, x.Expires); x.Expires != "" && err != nil {
			c.fail(fmt.Sprintf("exceptions[%d].expires", i), "expires of exception %s is not a date as in 2026-01-31: %s", x.Setting, x.Expires)
		}
	}
	c.profile(s.Profile)
}

func (c *checker) profile(p profile.Profile) {
	if p.Open {
		c.fail("profile.open", "the profile of a seal is never the unrestricted one")
	}
	if p.User.UID < 0 || p.User.GID < 0 {
		c.fail("profile.user", "a user or group is below 0")
	}
	last := ""
	for i, m := range p.Mounts {
		at := fmt.Sprintf("profile.mounts[%d]", i)
		switch {
		case !path.IsAbs(m.Path) || path.Clean(m.Path) != m.Path:
			c.fail(at+".path", "the path of a mount is not absolute and clean: %s", m.Path)
		case m.Path <= last:
			c.fail(at+".path", "the mounts are not sorted, or one is given twice: %s", m.Path)
		case !slices.Contains([]profile.MountKind{profile.Plain, profile.Owned, profile.Seeded}, m.Kind):
			c.fail(at+".kind", "the kind of mount %s is not plain, owned or seeded: %s", m.Path, m.Kind)
		case m.Medium != profile.Disk && m.Medium != profile.Memory:
			c.fail(at+".medium", "the medium of mount %s is not Memory: %s", m.Path, m.Medium)
		}
		last = m.Path
	}
}
