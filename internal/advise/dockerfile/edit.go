package dockerfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
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
	if n < 0 || f.final || edits[n].at < len(f.lines) {
		return edits
	}
	last := edit{at: len(f.lines) - 1, del: 1, add: append([]string{f.lines[len(f.lines)-1]}, edits[n].add...)}
	if n > 0 && edits[n-1].at == last.at && edits[n-1].del == 1 {
		n--
		last.add[0] = edits[n].add[0]
	}
	return append(edits[:n:n], last)
}

// around is how many unchanged lines a diff shows.
const around = 3

// unified writes the edits as a unified diff that patch and git apply take.
func (f *File) unified(name string, edits []edit) string {
	if len(edits) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "--- a/%s\n+++ b/%s\n", name, name)
	shift := 0
	for len(edits) > 0 {
		n := 1
		for n < len(edits) && edits[n].at-(edits[n-1].at+edits[n-1].del) <= 2*around {
			n++
		}
		shift += f.hunk(&b, edits[:n], shift)
		edits = edits[n:]
	}
	return b.String()
}

// hunk writes one hunk and returns by how many lines the file grew in it.
func (f *File) hunk(b *strings.Builder, edits []edit, shift int) int {
	last := edits[len(edits)-1]
	from := max(0, edits[0].at-around)
	to := min(len(f.lines), last.at+last.del+around)
	grow := 0
	for _, e := range edits {
		grow += len(e.add) - e.del
	}
	fmt.Fprintf(b, "@@ -%d,%d +%d,%d @@\n", from+1, to-from, from+1+shift, to-from+grow)
	at := from
	for _, e := range edits {
		f.write(b, ' ', at, e.at)
		f.write(b, '-', e.at, e.at+e.del)
		for i, line := range e.add {
			end := e.at+e.del == len(f.lines) && i == len(e.add)-1
			f.line(b, '+', f.ended(line), end)
		}
		at = e.at + e.del
	}
	f.write(b, ' ', at, to)
	return grow
}

func (f *File) write(b *strings.Builder, mark byte, from, to int) {
	for i := from; i < to; i++ {
		f.line(b, mark, f.lines[i], i == len(f.lines)-1)
	}
}

// line writes one line, with the note that diffs have where the file's last line has no end.
func (f *File) line(b *strings.Builder, mark byte, text string, last bool) {
	b.WriteByte(mark)
	b.WriteString(text)
	b.WriteByte('\n')
	if last && !f.final {
		b.WriteString("\\ No newline at end of file\n")
	}
}
