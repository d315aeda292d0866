package image

import "context"

// Prober is a Tree that can tell less than everything about a path, much faster.
type Prober interface {
	// Probe returns the entry at a path without owner, capability and time. The Link of a symlink leads to where the
	// stored one leads, but may be spelled otherwise.
	Probe(ctx context.Context, path string) (e Entry, ok bool, err error)
}

// Probe asks a tree what is at a path, as Lookup does, where owner, capability and time do not matter.
func Probe(ctx context.Context, tree Tree, path string) (Entry, bool, error) {
	if p, ok := tree.(Prober); ok {
		return p.Probe(ctx, path)
	}
	return tree.Lookup(ctx, path)
}
