package image

import (
	"archive/tar"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// LayerTree is the tree of an image's layers. It reads layers from the top, each at most once, and only until an answer is
// certain: a path that the top layer has costs one layer, a path that no layer has costs all of them.
type LayerTree struct {
	sources []func() (io.ReadCloser, error) // uncompressed, from the top

	mu    sync.Mutex
	read  []*layer // from the top; as many as were read
	spool *spool
}

var _ Tree = (*LayerTree)(nil)

// NewLayerTree returns the tree of layers, which are ordered from the bottom as in a manifest. The caller closes it.
func NewLayerTree(layers []v1.Layer) (*LayerTree, error) {
	sp, err := newSpool()
	if err != nil {
		return nil, err
	}
	t := &LayerTree{spool: sp}
	for _, l := range slices.Backward(layers) {
		t.sources = append(t.sources, l.Uncompressed)
	}
	return t, nil
}

// Close releases the temporary file.
func (t *LayerTree) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.spool.file.Close()
}

// LayersRead returns how many layers were read, and how many there are.
func (t *LayerTree) LayersRead() (read, all int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.read), len(t.sources)
}

// layer returns the i-th layer from the top, reading it if need be. The lock is held.
func (t *LayerTree) layer(ctx context.Context, i int) (*layer, error) {
	for len(t.read) <= i {
		n := len(t.read)
		rc, err := t.sources[n]()
		if err != nil {
			return nil, fmt.Errorf("opening layer %d from the top: %w", n+1, err)
		}
		l, err := readLayer(ctx, rc, t.spool)
		if err = errors.Join(err, rc.Close()); err != nil {
			return nil, fmt.Errorf("reading layer %d from the top: %w", n+1, err)
		}
		t.read = append(t.read, l)
	}
	return t.read[i], nil
}

// found is an entry, the layer that has its content, and the name under which that layer has it.
type found struct {
	Entry
	layer int
	name  string
}

// raw finds a path whose parents are no symlinks, from the i-th layer down.
func (t *LayerTree) raw(ctx context.Context, at string, i int) (found, bool, error) {
	implied := at == "/"
	for ; i < len(t.sources); i++ {
		l, err := t.layer(ctx, i)
		if err != nil {
			return found{}, false, err
		}
		if e, ok := l.entries[at]; ok {
			return t.hardLink(ctx, l, found{e, i, at})
		}
		implied = implied || l.implied[at]
		if l.hides(at) {
			break
		}
	}
	return found{Entry: Entry{Path: at, Kind: Dir, Mode: 0o755}, layer: -1}, implied, nil
}

// hardLink completes an entry that is a hard link with its target.
func (t *LayerTree) hardLink(ctx context.Context, l *layer, f found) (found, bool, error) {
	target, ok := l.hard[f.Path]
	if !ok {
		return f, true, nil
	}
	if _, same := l.entries[target]; same {
		f.name = target
		return f, true, nil
	}
	to, ok, err := t.raw(ctx, target, f.layer+1)
	if !ok || err != nil {
		return f, err == nil, err
	}
	to.Path = f.Path
	return to, true, nil
}

func (t *LayerTree) find(ctx context.Context, p string, last bool) (found, bool, error) {
	real, err := follow(p, last, func(at string) (Entry, bool, error) {
		f, ok, err := t.raw(ctx, at, 0)
		return f.Entry, ok, err
	})
	if err != nil {
		return found{}, false, err
	}
	return t.raw(ctx, real, 0)
}

// Lookup implements Tree. The entry's path is the real one, after the parents' symlinks.
func (t *LayerTree) Lookup(ctx context.Context, p string) (Entry, bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f, ok, err := t.find(ctx, p, false)
	if !ok || err != nil {
		return Entry{}, false, err
	}
	return f.Entry, true, nil
}

// List implements Tree. It reads all layers from the top, down to one that makes the folder opaque.
func (t *LayerTree) List(ctx context.Context, p string, limit int) ([]Entry, bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	dir, ok, err := t.find(ctx, p, false)
	if !ok || err != nil || dir.Kind != Dir {
		return nil, false, err
	}
	seen := map[string]Entry{}
	for i := range t.sources {
		if _, err := t.layer(ctx, i); err != nil {
			return nil, false, err
		}
		if err := t.collect(ctx, dir.Path, i, seen); err != nil {
			return nil, false, err
		}
		if t.read[i].opaque[dir.Path] || t.read[i].hides(dir.Path) {
			break
		}
	}
	out := make([]Entry, 0, len(seen))
	for _, e := range seen {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b Entry) int { return cmp.Compare(a.Path, b.Path) })
	if len(out) > limit {
		return out[:limit], true, nil
	}
	return out, false, nil
}

// collect adds to seen what the i-th layer shows below a folder and no layer above it has or hides.
func (t *LayerTree) collect(ctx context.Context, dir string, i int, seen map[string]Entry) error {
	prefix := strings.TrimSuffix(dir, "/") + "/"
	for at, e := range t.read[i].entries {
		if at == "/" || !strings.HasPrefix(at, prefix) || has(seen, at) || t.hidden(at, i) {
			continue
		}
		f, _, err := t.hardLink(ctx, t.read[i], found{e, i, at})
		if err != nil {
			return err
		}
		seen[at] = f.Entry
		for up := path.Dir(at); up != "/" && strings.HasPrefix(up, prefix) && !has(seen, up); up = path.Dir(up) {
			f, _, err := t.raw(ctx, up, 0)
			if err != nil {
				return err
			}
			seen[up] = f.Entry
		}
	}
	return nil
}

func has(m map[string]Entry, at string) bool {
	_, ok := m[at]
	return ok
}

func (t *LayerTree) hidden(at string, below int) bool {
	return slices.ContainsFunc(t.read[:below], func(l *layer) bool { return l.hides(at) })
}

// ReadFile implements Tree.
func (t *LayerTree) ReadFile(ctx context.Context, p string) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f, ok, err := t.find(ctx, p, true)
	if err != nil {
		return nil, err
	}
	if !ok || f.Kind != File || f.layer < 0 {
		return nil, fmt.Errorf("reading %s of the image: %w", p, fs.ErrNotExist)
	}
	data, err := t.content(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("reading %s of the image: %w", p, err)
	}
	return data, nil
}

func (t *LayerTree) content(ctx context.Context, f found) ([]byte, error) {
	if kept, ok := t.read[f.layer].data[f.name]; ok {
		return t.spool.read(kept)
	}
	rc, err := t.sources[f.layer]()
	if err != nil {
		return nil, err
	}
	data, err := extract(ctx, rc, f.name)
	return data, errors.Join(err, rc.Close())
}

// errFound ends the reading of a layer early; extract does not return it.
var errFound = errors.New("found")

// extract returns the first MaxRead bytes of one file of a layer.
func extract(ctx context.Context, r io.Reader, at string) ([]byte, error) {
	var data []byte
	err := eachHeader(ctx, r, func(h *tar.Header, body io.Reader) error {
		if path.Join("/", h.Name) != at || h.Typeflag != tar.TypeReg {
			return nil
		}
		var err error
		if data, err = io.ReadAll(io.LimitReader(body, MaxRead)); err != nil {
			return err
		}
		return errFound
	})
	if errors.Is(err, errFound) {
		return data, nil
	}
	if err == nil {
		err = fs.ErrNotExist
	}
	return nil, err
}
