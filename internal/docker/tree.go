package docker

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"io/fs"
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
	stats   map[string]image.Entry // by real path, without owner; Kind is "" where the image has nothing
	entries map[string]image.Entry // by real path
	content map[string][]byte      // by real path, up to maxKept
	lists   map[listing]listed
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
)

func newTree(files fileReader, remove func(context.Context) error) *tree {
	return &tree{
		files: files, remove: remove,
		stats: map[string]image.Entry{}, entries: map[string]image.Entry{}, content: map[string][]byte{},
		lists: map[listing]listed{},
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
	call := listing{real, limit}
	t.mu.Lock()
	known, ok := t.lists[call]
	t.mu.Unlock()
	if ok {
		return slices.Clone(known.entries), known.more, nil
	}
	entries, more, err := t.readList(ctx, real, limit)
	if err != nil {
		return nil, false, fmt.Errorf("listing %s of the image: %w", p, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range entries {
		t.entries[e.Path] = e
		t.stats[e.Path] = e
	}
	t.lists[call] = listed{slices.Clone(entries), more}
	return entries, more, nil
}

func (t *tree) readList(ctx context.Context, real string, limit int) ([]image.Entry, bool, error) {
	body, err := t.files.archive(ctx, real)
	if err != nil {
		return nil, false, err
	}
	defer body.Close()
	return readEntries(ctx, body, real, limit)
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
	h, data, err := t.readArchive(ctx, real)
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

// readArchive returns the header and, up to maxRead, the content of a file.
func (t *tree) readArchive(ctx context.Context, real string) (*tar.Header, []byte, error) {
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
	data, err := io.ReadAll(io.LimitReader(files, maxRead))
	return h, data, err
}
