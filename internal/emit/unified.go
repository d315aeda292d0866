package emit

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// diffContext is the number of unchanged lines that a unified diff shows around a change.
const diffContext = 3

// Diff is what a splice changed in a file's source, as a unified diff that patch -p1 and git apply take. It is empty where
// nothing changed. The name is relative to the folder in which the diff is to be applied.
func (r Report) Diff(name string, source []byte) []byte {
	regions := r.regions(source)
	if len(regions) == 0 {
		return nil
	}
	var b bytes.Buffer
	end := ""
	if strings.ContainsAny(name, " \t") {
		end = "\t" // else the tools take the first word for the name
	}
	fmt.Fprintf(&b, "--- a/%s%s\n+++ b/%s%s\n", name, end, name, end)
	lines := splitLines(source)
	shift := 0 // lines that the hunks before added
	for i := 0; i < len(regions); {
		last := i
		for last+1 < len(regions) && regions[last+1].first-regions[last].end() <= 2*diffContext {
			last++
		}
		shift += writeHunk(&b, lines, regions[i:last+1], shift)
		i = last + 1
	}
	return b.Bytes()
}

// region is a run of lines that other lines replace; either may be empty.
type region struct {
	first    int // index of the first old line
	old, now [][]byte
}

func (r region) end() int { return r.first + len(r.old) }

// regions are the lines that the patches change, less those that they leave as they are.
func (r Report) regions(source []byte) []region {
	var out []region
	line, at := 0, 0 // a line's index, and where it starts
	for i := 0; i < len(r.patches); {
		p := r.patches[i]
		skipped := bytes.Count(source[at:p.start], []byte("\n"))
		if skipped > 0 {
			at += bytes.LastIndexByte(source[at:p.start], '\n') + 1
		}
		line += skipped
		end, last := lineEnd(source, p.end), i+1
		for last < len(r.patches) && r.patches[last].start < end {
			end = lineEnd(source, max(end-1, r.patches[last].end))
			last++
		}
		if last < len(r.patches) && end == len(source) { // insertions after a last line without a line end
			last = len(r.patches)
		}
		now := slices.Clone(r.patches[i:last])
		for j := range now {
			now[j].start, now[j].end = now[j].start-at, now[j].end-at
		}
		if text, err := apply(source[at:end], now); err == nil { // it went well before
			if changed := trimmed(region{line, splitLines(source[at:end]), splitLines(text)}); len(changed.old)+len(changed.now) > 0 {
				out = append(out, changed)
			}
		}
		line += bytes.Count(source[at:end], []byte("\n"))
		at, i = end, last
	}
	return out
}

// lineEnd is the offset after the line at an offset, its line feed included.
func lineEnd(source []byte, at int) int {
	if i := bytes.IndexByte(source[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(source)
}

func splitLines(text []byte) [][]byte {
	return slices.DeleteFunc(bytes.SplitAfter(text, []byte("\n")), func(l []byte) bool { return len(l) == 0 })
}

// trimmed leaves out the lines at both ends of a region that are the same before and after.
func trimmed(r region) region {
	for len(r.old) > 0 && len(r.now) > 0 && bytes.Equal(r.old[0], r.now[0]) {
		r.first, r.old, r.now = r.first+1, r.old[1:], r.now[1:]
	}
	for len(r.old) > 0 && len(r.now) > 0 && bytes.Equal(r.old[len(r.old)-1], r.now[len(r.now)-1]) {
		r.old, r.now = r.old[:len(r.old)-1], r.now[:len(r.now)-1]
	}
	return r
}

// writeHunk writes one hunk, and returns how many lines it adds.
func writeHunk(b *bytes.Buffer, lines [][]byte, regions []region, shift int) int {
	first := max(0, regions[0].first-diffContext)
	end := min(len(lines), regions[len(regions)-1].end()+diffContext)
	added := 0
	for _, r := range regions {
		added += len(r.now) - len(r.old)
	}
	fmt.Fprintf(b, "@@ -%s +%s @@\n", hunkRange(first, end-first), hunkRange(first+shift, end-first+added))
	at := first
	for _, r := range regions {
		writeLines(b, ' ', lines[at:r.first])
		writeLines(b, '-', r.old)
		writeLines(b, '+', r.now)
		at = r.end()
	}
	writeLines(b, ' ', lines[at:end])
	return added
}

// hunkRange is "first,count" as diff writes it: of no lines, the line before them.
func hunkRange(first, count int) string {
	switch count {
	case 0:
		return fmt.Sprintf("%d,0", first)
	case 1:
		return fmt.Sprint(first + 1)
	}
	return fmt.Sprintf("%d,%d", first+1, count)
}

func writeLines(b *bytes.Buffer, mark byte, lines [][]byte) {
	for _, l := range lines {
		b.WriteByte(mark)
		b.Write(l)
		if !bytes.HasSuffix(l, []byte("\n")) {
			b.WriteString("\n\\ No newline at end of file\n")
		}
	}
}
