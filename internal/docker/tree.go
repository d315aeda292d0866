package docker

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
)

// maxRead bounds ReadFile.
const maxRead = 1 << 20

// tree reads an image's files from a container of the image that is never started. A VOLUME path that the image does
// not have is there as an empty folder, as in every container of the image.
type tree struct {
	e  *Engine
	id string

	mu      sync.Mutex
	stats   map[string]image.Entry // what the engine tells without a tar stream; Kind is "" where the image has nothing
	entries map[string]image.Entry
	files   map[string][]byte // small ones
	lists   map[listing]listed
}

// listing is one question to List, listed the answer to it.
type listing struct {
	path  string
	limit int
}

type listed struct {
	entries []image.Entry
	more    bool
}

var (
	_ engine.TreeCloser = (*tree)(nil)
	_ image.Prober      = (*tree)(nil)
)

// maxKept is the size of the files whose content is kept: accounts and configurations are read more than once.
const maxKept = 64 << 10

// Tree implements engine.Engine.
func (e *Engine) Tree(ctx context.Context, facts image.Facts) (engine.TreeCloser, error) {
	cfg := &container.Config{
		Image: facts.ID, Labels: e.labels(),
		Entrypoint: []string{"/never-started"}, // an image may have no command, and a container must
		WorkingDir: "/",                        // the engine would make the image's, where the image lacks it
	}
	id, err := e.create(ctx, "tree", cfg, &container.HostConfig{NetworkMode: "none"}, facts)
	if err != nil {
		return nil, fmt.Errorf("opening the files of image %s: %w", facts.Ref, err)
	}
	return &tree{e: e, id: id, stats: map[string]image.Entry{}, entries: map[string]image.Entry{}, files: map[string][]byte{}, lists: map[listing]listed{}}, nil
}

// Close removes the container.
func (t *tree) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removalTime)
	defer cancel()
	return t.e.removeContainer(ctx, t.id)
}

// Lookup implements image.Tree. The entry's path is the real one, after the parents' symlinks.
func (t *tree) Lookup(ctx context.Context, p string) (image.Entry, bool, error) {
	real, ok, err := t.real(ctx, p)
	if err != nil || !ok {
		return image.Entry{}, false, err
	}
	return t.entry(ctx, real)
}

// Probe implements image.Prober.
func (t *tree) Probe(ctx context.Context, p string) (image.Entry, bool, error) {
	real, ok, err := t.real(ctx, p)
	if err != nil || !ok {
		return image.Entry{}, false, err
	}
	return parents{t}.Lookup(ctx, real)
}

// List implements image.Tree.
func (t *tree) List(ctx context.Context, p string, limit int) ([]image.Entry, bool, error) {
	real, ok, err := t.real(ctx, p)
	if err != nil || !ok {
		return nil, false, err
	}
	if kind, err := t.kind(ctx, real); err != nil || kind != image.Dir {
		return nil, false, err
	}
	ask := listing{real, limit}
	t.mu.Lock()
	known, ok := t.lists[ask]
	t.mu.Unlock()
	if ok {
		return slices.Clone(known.entries), known.more, nil
	}
	body, _, err := t.e.cli.CopyFromContainer(ctx, t.id, real)
	if err != nil {
		return nil, false, fmt.Errorf("listing %s of the image: %w", p, err)
	}
	defer body.Close()
	entries, more, err := readEntries(body, real, limit)
	if err != nil {
		return nil, false, fmt.Errorf("listing %s of the image: %w", p, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range entries {
		t.entries[e.Path] = e
		t.stats[e.Path] = e
	}
	t.lists[ask] = listed{slices.Clone(entries), more}
	return entries, more, nil
}

// ReadFile implements image.Tree.
func (t *tree) ReadFile(ctx context.Context, p string) ([]byte, error) {
	real, err := image.Resolve(ctx, parents{t}, p)
	if err != nil {
		return nil, fmt.Errorf("reading %s of the image: %w", p, err)
	}
	kind, err := t.kind(ctx, real)
	if err != nil {
		return nil, err
	}
	if kind != image.File {
		return nil, fmt.Errorf("reading %s of the image: %w", p, fs.ErrNotExist)
	}
	t.mu.Lock()
	data, kept := t.files[real]
	t.mu.Unlock()
	if kept {
		return slices.Clone(data), nil
	}
	body, _, err := t.e.cli.CopyFromContainer(ctx, t.id, real)
	if err != nil {
		return nil, fmt.Errorf("reading %s of the image: %w", p, err)
	}
	defer body.Close()
	files := tar.NewReader(body)
	h, err := files.Next()
	if err != nil {
		return nil, fmt.Errorf("reading %s of the image: %w", p, err)
	}
	if data, err = io.ReadAll(io.LimitReader(files, maxRead)); err != nil {
		return nil, fmt.Errorf("reading %s of the image: %w", p, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.entries[real] = entryOf(h, real)
	if len(data) <= maxKept {
		t.files[real] = slices.Clone(data)
	}
	return data, nil
}

// real resolves the symlinks of a path's parents; ok is false when a parent is missing or no folder.
func (t *tree) real(ctx context.Context, p string) (string, bool, error) {
	p = path.Join("/", p)
	if p == "/" {
		return p, true, nil
	}
	dir, err := image.Resolve(ctx, parents{t}, path.Dir(p))
	if err != nil {
		return "", false, fmt.Errorf("looking up %s in the image: %w", p, err)
	}
	kind, err := t.kind(ctx, dir)
	return path.Join(dir, path.Base(p)), err == nil && kind == image.Dir, err
}

// parents is the tree as image.Resolve walks it: paths as they are, the kind and the link being enough.
type parents struct{ *tree }

func (t parents) Lookup(ctx context.Context, p string) (image.Entry, bool, error) {
	kind, err := t.kind(ctx, p)
	if err != nil || kind == "" {
		return image.Entry{}, false, err
	}
	t.mu.Lock()
	e, ok := t.stats[p]
	t.mu.Unlock()
	if p == "/" {
		return image.Entry{Path: p, Kind: kind, Mode: 0o755}, true, nil
	}
	if !ok || kind == image.Symlink && !path.IsAbs(e.Link) { // the engine does not tell where it leads
		return t.entry(ctx, p)
	}
	e.Path = p
	return e, true, nil
}

// kind tells what is at a real path; "" means nothing.
func (t *tree) kind(ctx context.Context, p string) (image.Kind, error) {
	if p == "/" {
		return image.Dir, nil
	}
	t.mu.Lock()
	s, ok := t.stats[p]
	t.mu.Unlock()
	if ok {
		return s.Kind, nil
	}
	dir, err := t.kind(ctx, path.Dir(p))
	if err != nil {
		return "", err
	}
	if dir == image.Dir { // engines answer with all kinds of errors for a path below a file
		found, err := t.e.cli.ContainerStatPath(ctx, t.id, p)
		switch {
		case err == nil:
			s = statOf(found)
		case errdefs.IsNotFound(err):
		case ctx.Err() != nil:
			return "", fmt.Errorf("looking up %s in the image: %w", p, err)
		default:
			if s.Kind, err = t.kindByList(ctx, p, err); err != nil {
				return "", err
			}
		}
	}
	t.mu.Lock()
	t.stats[p] = s
	t.mu.Unlock()
	return s.Kind, nil
}

// kindByList finds out by the folder's listing what is at a path. Some engines follow a symlink when they are asked
// about it, and fail where it leads nowhere: in a circle, or through a file. why is that failure.
func (t *tree) kindByList(ctx context.Context, p string, why error) (image.Kind, error) {
	const many = 10000
	entries, _, err := t.List(ctx, path.Dir(p), many)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if e.Path == p {
			return e.Kind, nil
		}
	}
	return "", fmt.Errorf("looking up %s in the image: %w", p, why)
}

// entry reads all about a real path. Only a tar stream has the owner; its first header is enough.
func (t *tree) entry(ctx context.Context, p string) (image.Entry, bool, error) {
	kind, err := t.kind(ctx, p)
	if err != nil || kind == "" {
		return image.Entry{}, false, err
	}
	t.mu.Lock()
	e, ok := t.entries[p]
	t.mu.Unlock()
	if ok {
		return e, true, nil
	}
	body, _, err := t.e.cli.CopyFromContainer(ctx, t.id, p)
	if err != nil {
		return image.Entry{}, false, fmt.Errorf("looking up %s in the image: %w", p, err)
	}
	defer body.Close()
	h, err := tar.NewReader(body).Next()
	if err != nil {
		return image.Entry{}, false, fmt.Errorf("looking up %s in the image: %w", p, err)
	}
	e = entryOf(h, p)
	t.mu.Lock()
	t.entries[p] = e
	t.mu.Unlock()
	return e, true, nil
}
