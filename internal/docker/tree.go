package docker

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"slices"
	"sync"

	"github.com/docker/docker/api/types/container"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
)

// maxRead bounds ReadFile.
const maxRead = image.MaxRead

// maxKept is the size up to which ReadFile keeps a file's content: accounts and configurations are read more than once.
const maxKept = 64 << 10

// fileReader reads the files of one container, which need not run.
type fileReader interface {
	// stat returns the entry at a path without owner, capability and time.
	stat(ctx context.Context, path string) (container.PathStat, error)
	// archive returns the tar stream of the file or directory at a path.
	archive(ctx context.Context, path string) (io.ReadCloser, error)
}

// tree reads an image's files from a container of the image that is never started. A VOLUME path that the image lacks is
// an empty directory, as in every container of the image. Answers are cached: an image does not change.
type tree struct {
	files  fileReader
	remove func(context.Context) error // removes the container

	mu      sync.Mutex
	stats   map[string]image.Entry   // by real path, without owner; Kind is "" where the image has nothing
	entries map[string]image.Entry   // by real path
	content map[string][]byte        // by real path, up to maxKept
	whole   map[string][]image.Entry // complete listings, by real path
	lists   map[listing]listed       // others
}

// listing is one call of List, listed its result.
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
	_ image.Preloader   = (*tree)(nil)
)

func newTree(files fileReader, remove func(context.Context) error) *tree {
	return &tree{
		files: files, remove: remove,
		stats: map[string]image.Entry{}, entries: map[string]image.Entry{}, content: map[string][]byte{},
		whole: map[string][]image.Entry{}, lists: map[listing]listed{},
	}
}

// Tree returns the files of an image. It reads them from a container, which Close removes.
func (c *Client) Tree(ctx context.Context, facts image.Facts) (engine.TreeCloser, error) {
	box, err := c.Create(ctx, "tree", Unstarted(facts))
	if err != nil {
		return nil, fmt.Errorf("opening the files of image %s: %w", facts.Ref, err)
	}
	return newTree(containerFiles{box}, box.Remove), nil
}

// containerFiles reads the files of a container of the engine.
type containerFiles struct{ *Container }

func (f containerFiles) stat(ctx context.Context, p string) (container.PathStat, error) {
	found, err := f.conn.api.ContainerStatPath(ctx, f.ID, p)
	if err != nil {
		return found, f.failure(ctx, "inspecting "+p+" in", err)
	}
	return found, nil
}

func (f containerFiles) archive(ctx context.Context, p string) (io.ReadCloser, error) {
	return f.Archive(ctx, p)
}

// Close removes the container.
func (t *tree) Close(ctx context.Context) error {
	return t.remove(ctx)
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
	return t.probe(ctx, real)
}

// List implements image.Tree.
func (t *tree) List(ctx context.Context, p string, limit int) ([]image.Entry, bool, error) {
	real, ok, err := t.real(ctx, p)
	if err != nil || !ok {
		return nil, false, err
	}
	if e, err := t.stat(ctx, real); err != nil || e.Kind != image.Dir {
		return nil, false, err
	}
	if entries, more, ok := t.listed(real, limit); ok {
		return entries, more, nil
	}
	_, entries, more, err := t.readDir(ctx, real, limit, math.MaxInt64)
	if err != nil {
		return nil, false, fmt.Errorf("listing %s of the image: %w", p, err)
	}
	return entries, more, nil
}

// listed returns a listing that is cached.
func (t *tree) listed(real string, limit int) (entries []image.Entry, more, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if all, ok := t.whole[real]; ok && len(all) <= limit {
		return slices.Clone(all), false, true
	}
	known, ok := t.lists[listing{real, limit}]
	return slices.Clone(known.entries), known.more, ok
}

// ReadFile implements image.Tree.
func (t *tree) ReadFile(ctx context.Context, p string) ([]byte, error) {
	data, err := t.readFile(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("reading %s of the image: %w", p, err)
	}
	return data, nil
}

func (t *tree) readFile(ctx context.Context, p string) ([]byte, error) {
	real, err := image.Resolve(ctx, realPaths{t}, p)
	if err != nil {
		return nil, err
	}
	e, err := t.stat(ctx, real)
	if err != nil {
		return nil, err
	}
	if e.Kind != image.File {
		return nil, fs.ErrNotExist
	}
	t.mu.Lock()
	data, kept := t.content[real]
	t.mu.Unlock()
	if kept {
		return slices.Clone(data), nil
	}
	h, data, err := t.readArchive(ctx, real, maxRead)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.entries[real] = entryOf(h, real)
	if len(data) <= maxKept {
		t.content[real] = slices.Clone(data)
	}
	return data, nil
}

// readArchive returns the header and the first bytes of a file.
func (t *tree) readArchive(ctx context.Context, real string, limit int64) (*tar.Header, []byte, error) {
	body, err := t.files.archive(ctx, real)
	if err != nil {
		return nil, nil, err
	}
	defer body.Close()
	files := tar.NewReader(body)
	h, err := files.Next()
	if err != nil {
		return nil, nil, err
	}
	data, err := io.ReadAll(io.LimitReader(files, limit))
	return h, data, err
}

// maxPreload bounds the part of a directory that Preload reads.
const maxPreload = 1 << 20

// Preload implements image.Preloader.
func (t *tree) Preload(ctx context.Context, dir string, names ...string) {
	real, err := image.Resolve(ctx, realPaths{t}, dir)
	if err != nil {
		return
	}
	if names = t.unread(real, names); len(names) == 0 {
		return
	}
	if e, err := t.stat(ctx, real); err != nil || e.Kind != image.Dir {
		return
	}
	body, err := t.files.archive(ctx, real)
	if err != nil {
		return
	}
	defer body.Close()
	t.preload(tar.NewReader(body), real, names)
}

// unread returns the names of the files of a directory whose content is not cached.
func (t *tree) unread(dir string, names []string) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, kept := t.content[path.Join(dir, name)]
		return kept
	})
}

// preload caches files of the tar stream of a directory, until it has found all names.
func (t *tree) preload(files *tar.Reader, dir string, names []string) {
	for left := int64(maxPreload); len(names) > 0; {
		h, err := files.Next()
		if err != nil {
			return
		}
		if left -= h.Size; left < 0 {
			return
		}
		real := place(h.Name, dir)
		i := slices.Index(names, path.Base(real))
		if i < 0 || path.Dir(real) != dir {
			continue
		}
		names = slices.Delete(names, i, i+1)
		if h.Typeflag != tar.TypeReg || h.Size > maxKept {
			continue
		}
		data, err := io.ReadAll(files)
		if err != nil {
			return
		}
		t.mu.Lock()
		t.entries[real] = entryOf(h, real)
		t.stats[real] = t.entries[real]
		t.content[real] = data
		t.mu.Unlock()
	}
}
