// Package source reads images from outside of a cluster, which does not hand them out: from registries, their mirrors, and
// files.
package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
)

// Sources reads images from outside of the cluster. It keeps the facts of all, and the files of those that are in use or
// were used last: a run may have thousands of images. The caller closes it.
type Sources struct {
	open func(ctx context.Context, ref, platform string) (*image.Source, error)

	mu     sync.Mutex
	facts  map[reference]image.Facts
	names  map[string]reference // by the ids of images
	opened map[reference]*opened
	idle   []*opened // that nothing uses, the last one used last
}

// reference names an image.
type reference struct{ ref, platform string }

// opened is an image whose files can be read.
type opened struct {
	name   reference
	ready  chan struct{} // closed when source or err is set
	source *image.Source
	err    error
	users  int
}

// maxIdle bounds the images that are open and that nothing uses: each has an open file.
const maxIdle = 16

// Registry returns the images of registries or their mirrors, read with the user's own credentials. The facts name the
// images as their references do.
func Registry(mirrors Mirrors) *Sources {
	return newSources(func(ctx context.Context, ref, platform string) (*image.Source, error) {
		s, err := image.OpenRemote(ctx, mirrors.Name(ref), platform)
		if err != nil {
			return nil, err
		}
		s.Facts.Ref, s.Facts.Digest = ref, original(ref, s.Facts.Digest)
		return s, nil
	})
}

// Archives returns images of files: the output of docker save, or an OCI layout folder. The reference chooses from the images
// of all archives; where there is one file with a single image, that serves every reference, and so does a layout.
func Archives(paths []string) *Sources {
	return newSources(func(_ context.Context, ref, platform string) (*image.Source, error) {
		var last error
		for _, p := range paths {
			s, err := openFile(p, ref, platform)
			if err != nil && len(paths) == 1 {
				if single, singleErr := openFile(p, "", platform); singleErr == nil {
					s, err = single, nil
				}
			}
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
	return image.OpenTarball(path, ref, platform)
}

func newSources(open func(ctx context.Context, ref, platform string) (*image.Source, error)) *Sources {
	return &Sources{open: open, facts: map[reference]image.Facts{}, names: map[string]reference{}, opened: map[reference]*opened{}}
}

// Image implements cluster.Images.
func (s *Sources) Image(ctx context.Context, ref, platform string) (image.Facts, error) {
	name := reference{ref, platform}
	s.mu.Lock()
	have, ok := s.facts[name]
	s.mu.Unlock()
	if ok {
		return have, nil
	}
	o, err := s.acquire(ctx, name)
	if err != nil {
		return image.Facts{}, err
	}
	defer s.release(o)
	return o.source.Facts, nil
}

// Tree implements cluster.Images.
func (s *Sources) Tree(ctx context.Context, facts image.Facts) (engine.TreeCloser, error) {
	s.mu.Lock()
	name, ok := s.names[facts.ID]
	s.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("reading the files of image %s: it was not opened", facts.Ref)
	}
	o, err := s.acquire(ctx, name)
	if err != nil {
		return nil, err
	}
	if o.source.Facts.ID != facts.ID {
		s.release(o)
		return nil, fmt.Errorf("reading the files of image %s: it has changed during the run: run again", facts.Ref)
	}
	return usedTree{o.source, sync.OnceFunc(func() { s.release(o) })}, nil
}

// acquire opens an image, once for all that ask for it at the same time. An image that was open before is opened again by
// its digest. The caller releases it.
func (s *Sources) acquire(ctx context.Context, name reference) (*opened, error) {
	s.mu.Lock()
	o, ok := s.opened[name]
	if !ok {
		o = &opened{name: name, ready: make(chan struct{})}
		s.opened[name] = o
		go s.read(context.WithoutCancel(ctx), o, cmp.Or(s.facts[name].Digest, name.ref)) // its layers are read later
	}
	o.users++
	s.idle = slices.DeleteFunc(s.idle, func(i *opened) bool { return i == o })
	s.mu.Unlock()
	select {
	case <-o.ready:
	case <-ctx.Done():
		s.release(o)
		return nil, fmt.Errorf("opening image %s: %w", name.ref, context.Cause(ctx))
	}
	if o.err != nil {
		s.release(o)
		return nil, o.err
	}
	return o, nil
}

// read opens an image, and keeps its facts.
func (s *Sources) read(ctx context.Context, o *opened, ref string) {
	source, err := s.open(ctx, ref, o.name.platform)
	s.mu.Lock()
	defer s.mu.Unlock()
	defer close(o.ready)
	if err != nil {
		o.err = &ImageError{Ref: o.name.ref, Err: err}
		delete(s.opened, o.name)
		return
	}
	if s.opened[o.name] != o { // closed meanwhile
		_ = source.Close()
		o.err = fmt.Errorf("opening image %s: %w", o.name.ref, context.Canceled)
		return
	}
	o.source = source
	if _, known := s.facts[o.name]; !known {
		s.facts[o.name], s.names[source.Facts.ID] = source.Facts, o.name
	}
}

// release gives an image back. Of those that nothing uses, the ones that were used last stay open.
func (s *Sources) release(o *opened) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.users--; o.users > 0 || o.err != nil {
		return
	}
	s.idle = append(s.idle, o)
	for len(s.idle) > maxIdle {
		oldest := s.idle[0]
		s.idle = s.idle[1:]
		delete(s.opened, oldest.name)
		_ = oldest.close()
	}
}

// close closes an image. One that is not read yet is left.
func (o *opened) close() error {
	select {
	case <-o.ready:
		if o.source != nil {
			return o.source.Close()
		}
	default:
	}
	return nil
}

// Close closes what is open.
func (s *Sources) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, o := range s.opened {
		errs = append(errs, o.close())
	}
	clear(s.opened)
	clear(s.facts)
	clear(s.names)
	s.idle = nil
	return errors.Join(errs...)
}

// usedTree is the files of an image that is open until they are closed.
type usedTree struct {
	*image.Source
	release func()
}

// Close implements engine.TreeCloser.
func (t usedTree) Close(context.Context) error {
	t.release()
	return nil
}

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
