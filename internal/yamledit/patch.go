package yamledit

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
)

// Patch replaces the bytes from Start to End with a text.
type Patch struct {
	Start, End int
	Text       string

	depth int // of the edited collection: at one offset, insertions of the deeper collection come first
}

// Apply returns the source with all patches applied. Patches that overlap are an error.
func Apply(src []byte, patches []Patch) ([]byte, error) {
	sorted := inOrder(patches)
	size := len(src)
	for _, p := range sorted {
		size += len(p.Text)
	}
	out := bytes.NewBuffer(make([]byte, 0, size))
	at := 0
	for _, p := range sorted {
		if p.Start < at || p.End < p.Start || p.End > len(src) {
			return nil, fmt.Errorf("two changes overlap at byte %d (this is a fault of podseal)", p.Start)
		}
		out.Write(src[at:p.Start])
		out.WriteString(p.Text)
		at = p.End
	}
	out.Write(src[at:])
	return out.Bytes(), nil
}

// inOrder sorts patches by offset. At one offset, insertions come before the patch that replaces the bytes there;
// insertions keep their order, those of deeper collections first.
func inOrder(patches []Patch) []Patch {
	sorted := slices.Clone(patches)
	slices.SortStableFunc(sorted, func(a, b Patch) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(min(1, a.End-a.Start), min(1, b.End-b.Start)), cmp.Compare(b.depth, a.depth))
	})
	return sorted
}
