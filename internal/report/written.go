package report

import (
	"fmt"
	"strings"
)

// Written is what was made of a seal: the changes in the manifest, and its companion files.
type Written struct {
	Format    string           `json:"format"`
	Changes   []ManifestChange `json:"changes"`
	Notes     []string         `json:"notes"`
	Alongside []Companion      `json:"alongside"`
}

// ManifestChange is one difference to the user's manifest, or a field that was found to serve as it is.
type ManifestChange struct {
	Action string `json:"action"`
	File   string `json:"file"`
	Line   int    `json:"line"`
	Object string `json:"object"`
	Field  string `json:"field"`
	Old    string `json:"old,omitempty"`
	New    string `json:"new,omitempty"`
	Why    string `json:"why,omitempty"`
}

// Companion is an object that was written into a separate file.
type Companion struct {
	Kind string `json:"kind"`
	File string `json:"file"`
	Why  string `json:"why"`
}

const maxNew = 40

// where names the place of a change as compilers do.
func (c ManifestChange) where() string {
	if c.File == "" {
		return "the new manifest"
	}
	return fmt.Sprintf("%s:%d", c.File, c.Line)
}

// description describes the change of the field.
func (c ManifestChange) description() string {
	s := c.Object + ": " + c.Action + " " + c.Field
	switch c.Action {
	case "replaced":
		s += ", " + oneLine(c.Old) + " by " + c.New
	case "removed":
		s += " (" + oneLine(c.Old) + ")"
	case "added":
		if width(c.New) <= maxNew { // what is longer is in the manifest to be read
			s += " " + c.New
		}
	}
	if c.Why != "" {
		s += ": " + c.Why
	}
	return s
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// inReadingOrder has first what a reviewer must see: looser settings of the user's that were replaced.
func inReadingOrder(all []ManifestChange) []ManifestChange {
	var out []ManifestChange
	for _, action := range []string{"removed", "replaced", "added", "kept"} {
		for _, c := range all {
			if c.Action == action {
				out = append(out, c)
			}
		}
	}
	return out
}

func (p reader) written(w *Written) {
	if w == nil || len(w.Changes)+len(w.Notes)+len(w.Alongside) == 0 {
		return
	}
	p.title("Written")
	for _, c := range inReadingOrder(w.Changes) {
		s := plain
		if c.Action == "replaced" || c.Action == "removed" {
			s = bold
		}
		p.labelled(2, 6, s, clean(c.where()), plain, ": "+clean(c.description()))
	}
	for _, a := range w.Alongside {
		p.labelled(2, 6, plain, clean(a.File), plain, ": "+clean(a.Kind+", "+a.Why))
	}
	for _, n := range w.Notes {
		p.labelled(2, 6, yellow, "not in it", plain, ": "+clean(n))
	}
}

func mdWritten(b *strings.Builder, w *Written) {
	if w == nil || len(w.Changes)+len(w.Notes)+len(w.Alongside) == 0 {
		return
	}
	b.WriteString("\n**Written**\n\n")
	for _, c := range inReadingOrder(w.Changes) {
		fmt.Fprintf(b, "- %s %s\n", code(c.where()), prose(c.description()))
	}
	for _, a := range w.Alongside {
		fmt.Fprintf(b, "- %s: %s\n", code(a.File), prose(a.Kind+", "+a.Why))
	}
	for _, n := range w.Notes {
		fmt.Fprintf(b, "- not in it: %s\n", prose(n))
	}
}
