package image

import "context"

// Prober is a Tree that can return part of an entry, much faster than Lookup.
type Prober interface {
	// Probe returns the entry at a path without owner, capability and time. The Link of a symlink leads to where the
	// stored one leads, but may be spelled otherwise.
	Probe(ctx context.Context, path string) (e Entry, ok bool, err error)
}

// Probe returns the entry at a path as Lookup does. Owner, capability and time may be missing.
func Probe(ctx context.Context, tree Tree, path string) (Entry, bool, error) {
	if p, ok := tree.(Prober); ok {
		return p.Probe(ctx, path)
	}
	return tree.Lookup(ctx, path)
}

// Preloader is a Tree that can read several small files of a folder at once, much faster than one after the other.
type Preloader interface {
	// Preload lets ReadFile answer for those files from memory. It is a hint: where it fails, ReadFile reads the file.
	Preload(ctx context.Context, dir string, names ...string)
}
