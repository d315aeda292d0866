// Package diff turns what a run showed into the folders that must be writable: changes and writes are joined, runtime
// noise is set aside with a reason, and each written path is folded to the folder where a mount would go, judged by
// what the image has there.
package diff

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/observe"
)

// Source says where evidence comes from.
type Source string

// The sources of evidence.
const (
	FromDiff  Source = "diff"  // docker diff
	FromTrace Source = "trace" // the tracer
	FromLogs  Source = "logs"  // an error message of the application or of an e2e command
)

// Evidence is one path that was written, or that a process tried to write, with all that is known about it.
type Evidence struct {
	Path string `json:"path"`
	// Kind is what docker diff says of the path; empty where it does not show it (created and removed again, below a
	// VOLUME, denied).
	Kind  observe.ChangeKind `json:"kind,omitempty"`
	Phase observe.Phase      `json:"phase"` // the first phase that showed it
	// Phases are all phases that the tracer saw it in.
	Phases  []observe.Phase `json:"-"`
	Dir     bool            `json:"dir,omitempty"`
	Outcome observe.Outcome `json:"outcome"`
	Errno   string          `json:"errno,omitempty"`
	Source  Source          `json:"source"`
	// Line is the line of the logs that names the path; empty for evidence from elsewhere.
	Line    string   `json:"line,omitempty"`
	Calls   []string `json:"calls,omitempty"`   // traced calls, sorted
	Writers []Writer `json:"writers,omitempty"` // who, sorted
	// Moved is true for a folder that was renamed or removed: no mount may be at it or below it.
	Moved bool `json:"moved,omitempty"`
	// Passing is a name that only this run has, such as that of its host; empty if there is none. A
	// folder that is named after it is not mounted.
	Passing string `json:"-"`
	// Noise is the reason for setting the path aside; empty for a path that counts.
	Noise string `json:"noise,omitempty"`
}

// Writer is one process that wrote.
type Writer struct {
	Command string `json:"command"`
	UID     int64  `json:"uid"`
	GID     int64  `json:"gid"`
	Count   int    `json:"count"`
	Exec    bool   `json:"exec,omitempty"` // as in observe.Write
}

// String names the writer: "nginx (uid 101)".
func (w Writer) String() string { return fmt.Sprintf("%s (uid %d)", w.Command, w.UID) }

// List is the evidence of one run, sorted by path.
type List []Evidence

// Allowed returns the evidence of writes that succeeded.
func (l List) Allowed() List { return l.with(observe.Allowed) }

// Passing returns the list with Passing set in each item.
func (l List) Passing(name string) List {
	l = slices.Clone(l)
	for i := range l {
		l[i].Passing = name
	}
	return l
}

// Denied returns the evidence of writes that were refused.
func (l List) Denied() List { return l.with(observe.Denied) }

func (l List) with(o observe.Outcome) List {
	return slices.DeleteFunc(slices.Clone(l), func(e Evidence) bool { return e.Outcome != o })
}

// Collect joins the changes and the traced writes of a run into one Evidence for each path and outcome, sorted by path.
// It drops changes of a folder that only say that something below it changed.
func Collect(o observe.Observation) List {
	byKey := map[string]*Evidence{}
	get := func(p string, out observe.Outcome) *Evidence {
		key := string(out) + p
		e := byKey[key]
		if e == nil {
			e = &Evidence{Path: p, Outcome: out, Passing: o.Hostname, Noise: noise(p)}
			byKey[key] = e
		}
		return e
	}
	for _, c := range leaves(o.Changes) {
		e := get(c.Path, observe.Allowed)
		e.Kind, e.Phase, e.Source, e.Dir = c.Kind, c.Phase, FromDiff, c.Dir
	}
	for _, w := range o.Writes {
		for _, p := range written(w) {
			get(p, w.Outcome).add(w, p)
		}
	}
	out := make(List, 0, len(byKey))
	for _, e := range byKey {
		slices.Sort(e.Calls)
		slices.SortStableFunc(e.Writers, func(a, b Writer) int {
			return cmp.Or(strings.Compare(a.Command, b.Command), cmp.Compare(a.UID, b.UID))
		})
		out = append(out, *e)
	}
	slices.SortFunc(out, func(a, b Evidence) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(string(a.Outcome), string(b.Outcome)))
	})
	return out
}

// written returns the paths that one write changes: two for a rename.
func written(w observe.Write) []string {
	switch {
	case w.To == "":
		return []string{w.Path}
	case w.Call == "rename":
		return []string{w.Path, w.To}
	default:
		return []string{w.To}
	}
}

// add joins a traced write of a path to its evidence.
func (e *Evidence) add(w observe.Write, p string) {
	if e.Source == "" {
		e.Source, e.Phase = FromTrace, w.Phase
	}
	if Earlier(w.Phase, e.Phase) {
		e.Phase = w.Phase
	}
	if !slices.Contains(e.Phases, w.Phase) {
		e.Phases = append(e.Phases, w.Phase)
	}
	e.Dir = e.Dir || w.Dir
	e.Errno = cmp.Or(e.Errno, w.Errno)
	if !slices.Contains(e.Calls, w.Call) {
		e.Calls = append(e.Calls, w.Call)
	}
	if w.Dir && p == w.Path && (w.Call == "rename" || w.Call == "rmdir") && w.Outcome == observe.Allowed {
		e.Moved = true
	}
	for i := range e.Writers {
		if same := e.Writers[i]; same.Command == w.Command && same.UID == w.UID && same.Exec == w.Exec {
			e.Writers[i].Count += max(w.Count, 1)
			return
		}
	}
	e.Writers = append(e.Writers, Writer{Command: w.Command, UID: w.UID, GID: w.GID, Count: max(w.Count, 1), Exec: w.Exec})
}

var phases = []observe.Phase{observe.Start, observe.E2E, observe.Restart, observe.Stop}

// Earlier reports whether phase a comes before phase b.
func Earlier(a, b observe.Phase) bool { return slices.Index(phases, a) < slices.Index(phases, b) }

// leaves returns the changes without those that only say that something below them changed. It marks folders: an entry
// with a change below it is one.
func leaves(changes []observe.Change) []observe.Change {
	below := map[string]bool{}
	for _, c := range changes {
		for d := path.Dir(c.Path); d != "/" && !below[d]; d = path.Dir(d) {
			below[d] = true
		}
	}
	var out []observe.Change
	for _, c := range changes {
		c.Dir = c.Dir || below[c.Path]
		if c.Kind == observe.Modified && below[c.Path] {
			continue
		}
		out = append(out, c)
	}
	return out
}

// Transient reports whether a file was removed or renamed again: docker diff does not show it.
func (e Evidence) Transient() bool {
	return e.Kind == "" && (slices.Contains(e.Calls, "unlink") || slices.Contains(e.Calls, "rename"))
}

// MetadataOnly reports whether a file or folder changed only in its owner, mode or times. It returns false for a file
// that docker diff alone shows as changed: docker diff does not say how.
func (e Evidence) MetadataOnly() bool {
	if e.Kind == observe.Added || e.Kind == observe.Deleted {
		return false
	}
	for _, c := range e.Calls {
		if c != "chmod" && c != "chown" && c != "utime" && c != "setxattr" {
			return false
		}
	}
	return len(e.Calls) > 0 || e.Dir && e.Kind == observe.Modified
}

// FromLine returns the evidence of a line in the logs that reports a refused write.
func FromLine(p, errno, line string, dir bool) Evidence {
	return Evidence{
		Path: p, Outcome: observe.Denied, Errno: errno, Line: line, Dir: dir, Source: FromLogs,
		Phase: observe.Start, Noise: noise(p),
	}
}

// String describes the evidence in a few words: "EROFS /run/nginx.pid (nginx, uid 101)".
func (e Evidence) String() string {
	s := e.Path
	if e.Errno != "" {
		s = e.Errno + " " + s
	}
	if len(e.Writers) > 0 {
		s += fmt.Sprintf(" (%s, uid %d)", e.Writers[0].Command, e.Writers[0].UID)
	} else if e.Source == FromLogs {
		s += " (in the logs)"
	}
	return s
}
