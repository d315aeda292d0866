package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
)

// Sources reads images from outside of the cluster, and keeps what it has opened. The caller closes it.
type Sources struct {
	open func(ctx context.Context, ref, platform string) (*image.Source, error)

	mu     sync.Mutex
	opened map[[2]string]*image.Source // by reference and platform
	byID   map[string]*image.Source
}

var _ Images = (*Sources)(nil)

// Registry returns the images of registries, read with the user's own credentials.
func Registry() *Sources { return newSources(image.OpenRemote) }

// Archives returns images of files: the output of docker save, or an OCI layout folder. The reference chooses from an
// archive of several images; a single image serves every reference.
func Archives(paths []string) *Sources {
	return newSources(func(_ context.Context, ref, platform string) (*image.Source, error) {
		var last error
		for _, p := range paths {
			s, err := openFile(p, ref, platform)
			if err == nil {
				s.Facts.Ref, s.Facts.Digest = ref, ""
				return s, nil
			}
			last = err
		}
		return nil, fmt.Errorf("image %s is in none of the files of --image-source: %w", ref, last)
	})
}

func openFile(path, ref, platform string) (*image.Source, error) {
	if st, err := os.Stat(filepath.Join(path, "index.json")); err == nil && st.Mode().IsRegular() {
		return image.OpenLayout(path, platform)
	}
	s, err := image.OpenTarball(path, ref, platform)
	if err == nil {
		return s, nil
	}
	if single, singleErr := image.OpenTarball(path, "", platform); singleErr == nil {
		return single, nil
	}
	return nil, err
}

func newSources(open func(ctx context.Context, ref, platform string) (*image.Source, error)) *Sources {
	return &Sources{open: open, opened: map[[2]string]*image.Source{}, byID: map[string]*image.Source{}}
}

// Image implements Images.
func (s *Sources) Image(ctx context.Context, ref, platform string) (image.Facts, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := [2]string{ref, platform}
	if have := s.opened[key]; have != nil {
		return have.Facts, nil
	}
	found, err := s.open(context.WithoutCancel(ctx), ref, platform) // its layers are read later
	if err != nil {
		return image.Facts{}, &ImageError{Ref: ref, Err: err}
	}
	s.opened[key], s.byID[found.Facts.ID] = found, found
	return found.Facts, nil
}

// Tree implements Images.
func (s *Sources) Tree(_ context.Context, facts image.Facts) (engine.TreeCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.byID[facts.ID]
	if found == nil {
		return nil, fmt.Errorf("reading the files of image %s: it was not opened", facts.Ref)
	}
	return keptTree{found}, nil
}

// Close closes what was opened.
func (s *Sources) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var first error
	for _, found := range s.opened {
		if err := found.Close(); err != nil && first == nil {
			first = err
		}
	}
	clear(s.opened)
	clear(s.byID)
	return first
}

// keptTree is a tree that stays open until its source is closed.
type keptTree struct{ *image.Source }

// Close implements engine.TreeCloser.
func (keptTree) Close(context.Context) error { return nil }

// ImageError is an image that cannot be read from outside of the cluster.
type ImageError struct {
	Ref string
	Err error
}

// Error returns one sentence with what to do.
func (e *ImageError) Error() string {
	return fmt.Sprintf("%v: a cluster does not hand out its images: read this one from an engine with --image-source docker, or from a file of docker save with --image-source FILE", e.Err)
}

// Unwrap returns the error of the source.
func (e *ImageError) Unwrap() error { return e.Err }
