package cluster

import (
	"context"
	"errors"
	"sync"

	"github.com/podseal/podseal/internal/image"
)

// listings are the files of images, by their ids. Each image is listed once.
type listings struct {
	mu   sync.Mutex
	byID map[string][]image.Entry
}

// files returns the files of an image.
func (l *listings) files(ctx context.Context, images Images, facts image.Facts) ([]image.Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if have, ok := l.byID[facts.ID]; ok {
		return have, nil
	}
	entries, err := files(ctx, images, facts)
	if err != nil {
		return nil, err
	}
	if l.byID == nil {
		l.byID = map[string][]image.Entry{}
	}
	l.byID[facts.ID] = entries
	return entries, nil
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
