package advise

import (
	"context"
	"fmt"

	"github.com/podseal/podseal/internal/image"
)

// indexed is a tree whose entries were all listed at once: where each question to the tree is expensive, one long answer
// is cheaper than many short ones. File contents still come from the tree.
type indexed struct {
	image.Tree
	entries *image.MemTree
}

// Lookup implements image.Tree.
func (t indexed) Lookup(ctx context.Context, p string) (image.Entry, bool, error) {
	return t.entries.Lookup(ctx, p)
}

// List implements image.Tree.
func (t indexed) List(ctx context.Context, p string, limit int) ([]image.Entry, bool, error) {
	return t.entries.List(ctx, p, limit)
}

// index lists the whole tree. Where it has too many files it is left as it is.
func (a *analysis) index(ctx context.Context) error {
	if !a.opts.Scan {
		return nil
	}
	entries, more, err := a.tree.List(ctx, "/", scanLimit)
	if err != nil {
		return fmt.Errorf("listing the image's files: %w", err)
	}
	if !more {
		a.tree = indexed{Tree: a.tree, entries: image.NewMemTree(entries, nil)}
	}
	return nil
}
