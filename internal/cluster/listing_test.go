package cluster

import (
	"context"
	"testing"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
)

// oneImage is an image with one file.
type oneImage struct{}

func (oneImage) Image(context.Context, string, string) (image.Facts, error) {
	return image.Facts{ID: "new"}, nil
}

func (oneImage) Tree(context.Context, image.Facts) (engine.TreeCloser, error) {
	return openTree{image.NewMemTree([]image.Entry{{Path: "/app", Kind: image.File}}, nil)}, nil
}

type openTree struct{ *image.MemTree }

func (openTree) Close(context.Context) error { return nil }

// TestListingsStayBounded: the files of many images are not all kept.
func TestListingsStayBounded(t *testing.T) {
	t.Parallel()
	l := listings{kept: maxKept, order: []string{"old"}, byID: map[string]*listing{"old": {entries: make([]image.Entry, maxKept)}}}
	for range 2 {
		entries, err := l.files(t.Context(), oneImage{}, image.Facts{ID: "new"})
		if err != nil || len(entries) == 0 || l.kept != len(entries) || len(l.order) != 1 || l.order[0] != "new" {
			t.Fatalf("%d files (%v); %d kept of %v", len(entries), err, l.kept, l.order)
		}
	}
}
