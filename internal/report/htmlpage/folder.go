package htmlpage

import (
	"path"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/seal"
)

// The kinds of folders, which are also classes of the style sheet.
const (
	plain    = "plain"    // nothing was decided about it
	writable = "writable" // an emptyDir
	memory   = "memory"   // an emptyDir in memory
	owned    = "owned"    // an empty folder that an init container makes
	seeded   = "seeded"   // filled with the image's content first
	denied   = "denied"   // written in the open run, read-only in the sealed one
	exposed  = "exposed"  // writable without a mount of the seal: a volume of the pod, or the whole root
)

// FolderKind is an entry of the legend.
type FolderKind struct{ Kind, Name, Text string }

// kindNames say what a kind means, in the order of the legend.
var kindNames = []FolderKind{
	{writable, "writable", "an emptyDir; the image has nothing there"},
	{memory, "in memory", "an emptyDir with medium: Memory"},
	{owned, "owned", "an empty folder that an init container makes for the user"},
	{seeded, "seeded", "an init container copies the image's content first"},
	{denied, "denied", "written in the open run, read-only in the seal"},
	{exposed, "exposed", "writable without a mount of the seal"},
}

// Folder is one box of the map of folders.
type Folder struct {
	Name   string // relative to the box around it: "cache/nginx"
	Path   string
	Kind   string
	Label  string // what was decided
	Note   string // who wrote
	Why    string
	Proof  string
	Files  []string // some of the written entries, with their change
	More   int      // further ones
	Writes []string // who wrote each entry, a sentence each
	// MoreWrites counts further sentences.
	MoreWrites int
	Children   []*Folder
}

// maxFiles is how many written entries a box shows.
const maxFiles = 6

// folders returns the map of a report: the root folder. It is nil if nothing was decided about any folder.
func folders(r report.Report) *Folder {
	root := &Folder{Name: "/", Path: "/", Kind: plain}
	if r.Profile != nil && r.Profile.WritableRoot {
		root.Kind, root.Label = exposed, "the whole root file system is writable"
	}
	for _, c := range r.Choices {
		if c.Kind != seal.Noise {
			root.place(c, kindOf(c, r))
		}
	}
	if r.Profile != nil {
		for _, m := range r.Profile.Mounts {
			if f := root.at(m.Path); f.Kind == plain {
				f.Kind, f.Label = kindOfMount(m), m.Kind+" mount"
			}
		}
	}
	for _, e := range r.Degraded() {
		f := root.at(path.Dir(e.Path))
		if f.Kind == plain && f != root {
			f.Kind, f.Label = denied, "denied"
		}
		f.add(path.Base(e.Path) + " denied")
	}
	if len(root.Children) == 0 && root.Kind == plain {
		return nil
	}
	root.squeeze()
	for _, c := range root.Children {
		c.Name = "/" + c.Name
	}
	return root
}

// place puts a decision into the map.
func (f *Folder) place(c report.Choice, kind string) {
	at := f.at(c.Path)
	at.Kind, at.Label, at.Note, at.Why, at.Proof = kind, c.Decision, c.Who(), c.Reason, c.Proof
	if kind == denied {
		at.Label = "denied: read-only"
	}
	at.Writes, at.MoreWrites = sentences(c.Evidence)
	for _, e := range c.Evidence {
		name := strings.TrimPrefix(strings.TrimPrefix(e.Path, c.Path), "/")
		if name == "" {
			continue
		}
		switch e.Change {
		case "A":
			name += " added"
		case "C":
			name += " changed"
		case "D":
			name += " deleted"
		}
		at.add(name)
	}
}

// maxWrites is how many sentences about its writes a box has.
const maxWrites = 40

func sentences(list []report.Evidence) (out []string, more int) {
	for _, e := range list[:min(len(list), maxWrites)] {
		out = append(out, e.Sentence())
	}
	return out, max(0, len(list)-maxWrites)
}

func (f *Folder) add(file string) {
	switch {
	case slices.Contains(f.Files, file):
	case len(f.Files) < maxFiles:
		f.Files = append(f.Files, file)
	default:
		f.More++
	}
}

// at returns the box of a path, and makes it.
func (f *Folder) at(dir string) *Folder {
	for name := range strings.SplitSeq(strings.Trim(dir, "/"), "/") {
		if name == "" || name == "." {
			continue
		}
		i := slices.IndexFunc(f.Children, func(c *Folder) bool { return c.Name == name })
		if i < 0 {
			f.Children = append(f.Children, &Folder{Name: name, Path: path.Join(f.Path, name), Kind: plain})
			i = len(f.Children) - 1
		}
		f = f.Children[i]
	}
	return f
}

// squeeze joins boxes that hold nothing but one other box, and sorts the others.
func (f *Folder) squeeze() {
	for i, c := range f.Children {
		for c.Kind == plain && len(c.Children) == 1 && len(c.Files) == 0 {
			only := c.Children[0]
			only.Name = c.Name + "/" + only.Name
			c = only
		}
		f.Children[i] = c
		c.squeeze()
	}
	slices.SortFunc(f.Children, func(a, b *Folder) int { return strings.Compare(a.Name, b.Name) })
}

// kindOf returns the kind of the box of a decision.
func kindOf(c report.Choice, r report.Report) string {
	switch c.Kind {
	case seal.ReadOnly:
		if r.Profile != nil && r.Profile.WritableRoot {
			return exposed
		}
		return denied
	case seal.MemoryMount:
		return memory
	case seal.OwnedMount:
		return owned
	case seal.SeededMount:
		return seeded
	case seal.PodVolume:
		return exposed
	default:
		return writable
	}
}

func kindOfMount(m report.Mount) string {
	switch {
	case m.Kind == "seeded":
		return seeded
	case m.Kind == "owned":
		return owned
	case m.Medium != "":
		return memory
	}
	return writable
}
