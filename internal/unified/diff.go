// Package unified writes unified diffs of known changes.
package unified

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// context is the number of unchanged lines that a diff shows around a change.
const context = 3

// Region is a run of lines of a file that other lines replace. Either may be empty. Lines have their line end, but for
// the last line of a file that has none.
type Region struct {
	First    int // index of the first old line, from 0
	Old, New [][]byte
}

func (r Region) end() int { return r.First + len(r.Old) }

// Lines splits a text into lines with their line ends.
func Lines(text []byte) [][]byte {
	return slices.DeleteFunc(bytes.SplitAfter(text, []byte("\n")), func(l []byte) bool { return len(l) == 0 })
}

// Diff returns the diff of a file with these lines, as patch -p1 and git apply take it. The regions are in order and do not
// overlap. Diff returns nil if they change nothing. The name is relative to the folder where the diff is to be applied.
func Diff(name string, lines [][]byte, regions []Region) []byte {
	regions = changed(regions)
	if len(regions) == 0 {
		return nil
	}
	var b bytes.Buffer
	end := ""
	if strings.ContainsAny(name, " \t") {
		end = "\t" // else the tools take the first word for the name
	}
	fmt.Fprintf(&b, "--- a/%s%s\n+++ b/%s%s\n", name, end, name, end)
	shift := 0 // lines that the earlier hunks added
	for i := 0; i < len(regions); {
		last := i
		for last+1 < len(regions) && regions[last+1].First-regions[last].end() <= 2*context {
			last++
		}
		shift += writeHunk(&b, lines, regions[i:last+1], shift)
		i = last + 1
	}
	return b.Bytes()
}

// changed returns the regions without the lines at both ends that are the same before and after. Empty regions are
// dropped.
func changed(regions []Region) []Region {
	var out []Region
	for _, r := range regions {
		for len(r.Old) > 0 && len(r.New) > 0 && bytes.Equal(r.Old[0], r.New[0]) {
			r.First, r.Old, r.New = r.First+1, r.Old[1:], r.New[1:]
		}
		for len(r.Old) > 0 && len(r.New) > 0 && bytes.Equal(r.Old[len(r.Old)-1], r.New[len(r.New)-1]) {
			r.Old, r.New = r.Old[:len(r.Old)-1], r.New[:len(r.New)-1]
		}
		if len(r.Old)+len(r.New) > 0 {
			out = append(out, r)
		}
	}
	return out
}

// writeHunk writes one hunk, and returns how many lines it adds.
func writeHunk(b *bytes.Buffer, lines [][]byte, regions []Region, shift int) int {
	first := max(0, regions[0].First-context)
	end := min(len(lines), regions[len(regions)-1].end()+context)
	added := 0
	for _, r := range regions {
		added += len(r.New) - len(r.Old)
	}
	fmt.Fprintf(b, "@@ -%s +%s @@\n", hunkRange(first, end-first), hunkRange(first+shift, end-first+added))
	at := first
	for _, r := range regions {
		writeLines(b, ' ', lines[at:r.First])
		writeLines(b, '-', r.Old)
		writeLines(b, '+', r.New)
		at = r.end()
	}
	writeLines(b, ' ', lines[at:end])
	return added
}

// hunkRange returns "first,count" as diff writes it. The first of no lines is the line before them.
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
