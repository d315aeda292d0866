package dockerfile

import (
	"cmp"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/unified"
)

// edit replaces lines of a file. Edits do not overlap.
type edit struct {
	at  int // index of the first line; an insertion goes before it
	del int
	add []string
}

// apply makes the changed file.
func (f *File) apply(edits []edit) []byte {
	var out []string
	at := 0
	for _, e := range edits {
		out = append(out, f.lines[at:e.at]...)
		for _, line := range e.add {
			out = append(out, f.ended(line))
		}
		at = e.at + e.del
	}
	out = append(out, f.lines[at:]...)
	text := strings.Join(out, "\n")
	if f.final {
		text += "\n"
	}
	return []byte(text)
}

// ended returns a new line with the carriage return that the lines of the file have.
func (f *File) ended(line string) string {
	if f.crlf && !strings.HasSuffix(line, "\r") {
		line += "\r"
	}
	return line
}

// sorted orders edits by their line, and joins insertions at the same one. An insertion goes before a change of its line.
func sorted(edits []edit) []edit {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b edit) int { return cmp.Or(a.at-b.at, a.del-b.del) })
	var out []edit
	for _, e := range edits {
		if n := len(out) - 1; n >= 0 && out[n].at == e.at && out[n].del == 0 && e.del == 0 {
			out[n].add = slices.Concat(out[n].add, e.add)
			continue
		}
		out = append(out, e)
	}
	return out
}

// draft collects the edits of a file.
type draft struct {
	file  *File
	edits []edit
}

// line returns a line as the edits until now leave it.
func (d *draft) line(i int) string {
	for _, e := range d.edits {
		if e.at == i && e.del == 1 {
			return e.add[0]
		}
	}
	return d.file.lines[i]
}

func (d *draft) replace(i int, line string) {
	for n, e := range d.edits {
		if e.at == i && e.del == 1 {
			d.edits[n].add[0] = line
			return
		}
	}
	d.edits = append(d.edits, edit{at: i, del: 1, add: []string{line}})
}

// atEnd turns an insertion behind a last line that has no end into a change of that line, since it gets one.
func (f *File) atEnd(edits []edit) []edit {
	n := len(edits) - 1
	if f.final || edits[n].at < len(f.lines) {
		return edits
	}
	last := edit{at: len(f.lines) - 1, del: 1, add: append([]string{f.lines[len(f.lines)-1]}, edits[n].add...)}
	if n > 0 && edits[n-1].at == last.at && edits[n-1].del == 1 {
		n--
		last.add[0] = edits[n].add[0]
	}
	return append(edits[:n:n], last)
}

// unified returns the edits as a unified diff.
func (f *File) unified(name string, edits []edit) string {
	lines := withEnds(f.lines, f.final)
	var regions []unified.Region
	for _, e := range edits {
		add := make([]string, len(e.add))
		for i, line := range e.add {
			add[i] = f.ended(line)
		}
		toEnd := e.at+e.del == len(lines)
		regions = append(regions, unified.Region{First: e.at, Old: lines[e.at : e.at+e.del], New: withEnds(add, f.final || !toEnd)})
	}
	return string(unified.Diff(name, lines, regions))
}

// withEnds returns lines with line feeds. The last one may have none.
func withEnds(lines []string, last bool) [][]byte {
	out := make([][]byte, len(lines))
	for i, line := range lines {
		if last || i < len(lines)-1 {
			line += "\n"
		}
		out[i] = []byte(line)
	}
	return out
}
