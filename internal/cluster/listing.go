package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/podseal/podseal/internal/image"
)

// listings are the files of images, by their ids. An image is listed once by all that ask for it at the same time, and
// again where it was dropped meanwhile.
type listings struct {
	mu    sync.Mutex
	byID  map[string]*listing
	order []string // of the ids, the oldest first
	kept  int      // files of all listings
}

// listing is the files of one image.
type listing struct {
	ready   chan struct{} // closed when entries or err is set
	entries []image.Entry
	err     error
}

// maxKept bounds the files of all listings together, without the latest one: a run may have thousands of images.
const maxKept = 500_000

// files returns the files of an image.
func (l *listings) files(ctx context.Context, images Images, facts image.Facts) ([]image.Entry, error) {
	l.mu.Lock()
	one, ok := l.byID[facts.ID]
	if !ok {
		one = &listing{ready: make(chan struct{})}
		if l.byID == nil {
			l.byID = map[string]*listing{}
		}
		l.byID[facts.ID] = one
		go l.read(context.WithoutCancel(ctx), images, facts, one)
	}
	l.mu.Unlock()
	select {
	case <-one.ready:
		return one.entries, one.err
	case <-ctx.Done():
		return nil, fmt.Errorf("listing the files of image %s: %w", facts.Ref, context.Cause(ctx))
	}
}

// read lists the files of an image, and drops the oldest listings where there are too many.
func (l *listings) read(ctx context.Context, images Images, facts image.Facts, one *listing) {
	entries, err := files(ctx, images, facts)
	l.mu.Lock()
	defer l.mu.Unlock()
	defer close(one.ready)
	if one.entries, one.err = entries, err; err != nil {
		delete(l.byID, facts.ID)
		return
	}
	for len(l.order) > 0 && l.kept+len(entries) > maxKept {
		l.kept -= len(l.byID[l.order[0]].entries)
		delete(l.byID, l.order[0])
		l.order = l.order[1:]
	}
	l.order = append(l.order, facts.ID)
	l.kept += len(entries)
}

// maxFiles bounds the files of an image that are compared.
const maxFiles = 2_000_000

// files returns the files of an image.
func files(ctx context.Context, images Images, facts image.Facts) (entries []image.Entry, err error) {
	tree, err := images.Tree(ctx, facts)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, tree.Close(context.WithoutCancel(ctx))) }()
	entries, _, err = tree.List(ctx, "/", maxFiles)
	return entries, err
}
