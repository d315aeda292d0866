package podrun

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
)

// imageVolumes are the volumes that stand for a directory of an image, one for all containers of a run.
type imageVolumes struct {
	mu   sync.Mutex
	made map[string]string // volume name by image and directory
}

// imageVolume returns a volume with one directory of an image, in its place and with its parent directories, owners and
// modes included: as much of an image volume as an init container copies from.
func (s *volumeStore) imageVolume(ctx context.Context, facts image.Facts, dir string) (string, error) {
	s.images.mu.Lock()
	defer s.images.mu.Unlock()
	key := facts.ID + " " + dir
	if name := s.images.made[key]; name != "" {
		return name, nil
	}
	v, err := s.client.CreateVolume(ctx, "image")
	if err != nil {
		return "", err
	}
	if err := s.fillImageVolume(ctx, facts, dir, v.Name); err != nil {
		return "", fmt.Errorf("mounting %s of the image as a volume: %w", dir, err)
	}
	if s.images.made == nil {
		s.images.made = map[string]string{}
	}
	s.images.made[key] = v.Name
	return v.Name, nil
}

// fillImageVolume copies through a container of the image that is never started.
func (s *volumeStore) fillImageVolume(ctx context.Context, facts image.Facts, dir, volume string) (err error) {
	spec := docker.Unstarted(facts)
	spec.Mounts = []docker.Mount{{Source: volume, Target: profile.SeedImagePath}}
	box, err := s.client.Create(ctx, "prepare", spec)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, box.Remove(ctx)) }()
	parents, err := parentDirectories(ctx, box, dir)
	if err != nil {
		return err
	}
	body, err := box.Archive(ctx, dir)
	if err != nil {
		return err
	}
	defer body.Close()
	read, write := io.Pipe()
	defer read.Close()
	go func() { write.CloseWithError(relocate(write, body, parents, dir)) }()
	return box.Extract(ctx, read)
}

// parentDirectories returns the headers of the parent directories of a path, the topmost first.
func parentDirectories(ctx context.Context, box *docker.Container, p string) ([]*tar.Header, error) {
	var out []*tar.Header
	for dir := path.Dir(p); dir != "/"; dir = path.Dir(dir) {
		body, err := box.Archive(ctx, dir)
		if err != nil {
			return nil, err
		}
		h, err := tar.NewReader(body).Next() // its own header is the first
		_ = body.Close()
		if err != nil {
			return nil, err
		}
		if h.Typeflag != tar.TypeDir {
			return nil, &engine.SeedError{Path: p, Code: 1, Output: dir + " is a link in the image, which leads elsewhere in an image volume"}
		}
		h.Name = dir
		out = append([]*tar.Header{h}, out...)
	}
	return out, nil
}

// relocate writes the tar stream of a directory with its place below SeedImagePath, after its parent directories.
func relocate(to io.Writer, from io.Reader, parents []*tar.Header, dir string) error {
	w := tar.NewWriter(to)
	at := func(p string) string { return path.Join(profile.SeedImagePath, p)[1:] }
	for _, h := range parents {
		h.Name = at(h.Name) + "/"
		if err := w.WriteHeader(h); err != nil {
			return err
		}
	}
	files := tar.NewReader(from)
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return w.Close()
		}
		if err != nil {
			return err
		}
		h.Name = at(entryPath(h.Name, dir))
		if h.Typeflag == tar.TypeDir {
			h.Name += "/"
		}
		if h.Typeflag == tar.TypeLink { // the other name of a file in this directory
			h.Linkname = at(entryPath(h.Linkname, dir))
		}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		if _, err := io.Copy(w, files); err != nil { //nolint:gosec // the image is the user's own, and the size stands in its header
			return err
		}
	}
}

// entryPath returns the path of a tar name in the stream of dir, whose names start with the directory's own name.
func entryPath(tarName, dir string) string {
	_, below, _ := strings.Cut(strings.TrimPrefix(tarName, "./"), "/")
	return path.Join(dir, below)
}
