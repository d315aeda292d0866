package emit

import (
	"bytes"
	"slices"

	"github.com/podseal/podseal/internal/unified"
	"github.com/podseal/podseal/internal/yamledit"
)

// Diff returns the changes of a splice in a file's source as a unified diff, which patch -p1 and git apply take. It is
// empty if nothing changed. The name is relative to the folder where the diff is to be applied.
func (r Report) Diff(name string, source []byte) []byte {
	return unified.Diff(name, unified.Lines(source), r.regions(source))
}

// regions returns the lines that the patches change.
func (r Report) regions(source []byte) []unified.Region {
	var out []unified.Region
	line, at := 0, 0 // a line's index, and where it starts
	for i := 0; i < len(r.patches); {
		p := r.patches[i]
		skipped := bytes.Count(source[at:p.Start], []byte("\n"))
		at += bytes.LastIndexByte(source[at:p.Start], '\n') + 1
		line += skipped
		end, last := r.lastOfRegion(source, i)
		now := slices.Clone(r.patches[i:last])
		for j := range now {
			now[j].Start, now[j].End = now[j].Start-at, now[j].End-at
		}
		if text, err := yamledit.Apply(source[at:end], now); err == nil { // the splice has applied them before
			out = append(out, unified.Region{First: line, Old: unified.Lines(source[at:end]), New: unified.Lines(text)})
		}
		line += bytes.Count(source[at:end], []byte("\n"))
		at, i = end, last
	}
	return out
}

// lastOfRegion returns where the lines end that a patch and those that share a line with it change, and the index after the
// last of these patches.
func (r Report) lastOfRegion(source []byte, i int) (end, last int) {
	end, last = lineEnd(source, r.patches[i].End), i+1
	for last < len(r.patches) && r.patches[last].Start < end {
		end = lineEnd(source, max(end-1, r.patches[last].End))
		last++
	}
	if end == len(source) { // the others are insertions after a last line without a line end
		last = len(r.patches)
	}
	return end, last
}

// lineEnd returns the offset after the line at an offset, its line feed included.
func lineEnd(source []byte, at int) int {
	if i := bytes.IndexByte(source[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(source)
}
