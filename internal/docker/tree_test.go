package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/podseal/podseal/internal/image"
)

// memFiles stands for the files of a container: directories by path, and what symlinks lead to.
type memFiles struct {
	dirs    map[string]bool
	links   map[string]string
	sizes   map[string]int64 // of files, by path
	cut     bool             // streams break off after the first header
	asked   int
	streams int
}

func (f *memFiles) stat(_ context.Context, p string) (container.PathStat, error) {
	f.asked++
	if to, ok := f.links[p]; ok {
		return container.PathStat{Name: path.Base(p), Mode: fs.ModeSymlink | 0o777, LinkTarget: to}, nil
	}
	if f.dirs[p] {
		return container.PathStat{Name: path.Base(p), Mode: fs.ModeDir | 0o755}, nil
	}
	if size, ok := f.sizes[p]; ok {
		return container.PathStat{Name: path.Base(p), Mode: 0o644, Size: size}, nil
	}
	return container.PathStat{}, fmt.Errorf("stat %s: %w", p, errdefs.ErrNotFound)
}

func (f *memFiles) archive(_ context.Context, p string) (io.ReadCloser, error) {
	f.asked++
	f.streams++
	if size, ok := f.sizes[p]; ok {
		var buf bytes.Buffer
		w := tar.NewWriter(&buf)
		err := w.WriteHeader(&tar.Header{Name: path.Base(p), Mode: 0o644, Size: size})
		_, writeErr := w.Write(make([]byte, size))
		return io.NopCloser(&buf), errors.Join(err, writeErr, w.Close())
	}
	if !f.dirs[p] {
		return nil, fmt.Errorf("archive of %s: %w", p, errdefs.ErrNotFound)
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: path.Base(p) + "/", Mode: 0o755, Uid: 7})
	if f.cut {
		return io.NopCloser(io.MultiReader(&buf, strings.NewReader("cut"))), err
	}
	for _, at := range slices.Sorted(maps.Keys(f.sizes)) {
		if path.Dir(at) != p {
			continue
		}
		h := tar.Header{Name: path.Join(path.Base(p), path.Base(at)), Mode: 0o644, Size: f.sizes[at]}
		err = errors.Join(err, w.WriteHeader(&h))
		_, writeErr := w.Write(make([]byte, h.Size))
		err = errors.Join(err, writeErr)
	}
	return io.NopCloser(&buf), errors.Join(err, w.Close())
}

// deepFiles returns a chain of directories and the path of the last one.
func deepFiles(depth int) (*memFiles, string) {
	f := &memFiles{dirs: map[string]bool{}, links: map[string]string{}}
	p := ""
	for range depth {
		p += "/d"
		f.dirs[p] = true
	}
	return f, p
}

// budget is a context that counts how often it is asked whether it has ended, and ends when it was asked too often.
type budget struct {
	context.Context
	asked, most int
}

var errBudget = errors.New("more lookups than allowed")

func (b *budget) Err() error {
	if b.asked++; b.asked > b.most {
		return errBudget
	}
	return nil
}

func noRemoval(context.Context) error { return nil }

// TestLookupIsLinear counts lookups: cached ones as well as those of the engine ask the context.
func TestLookupIsLinear(t *testing.T) {
	const depth = 1000
	files, deepest := deepFiles(depth)
	files.links["/link"] = deepest
	for name, call := range map[string]func(context.Context, *tree) error{
		"Lookup": func(ctx context.Context, x *tree) error { _, _, err := x.Lookup(ctx, deepest); return err },
		"Probe":  func(ctx context.Context, x *tree) error { _, _, err := x.Probe(ctx, deepest); return err },
		"List":   func(ctx context.Context, x *tree) error { _, _, err := x.List(ctx, deepest, 10); return err },
		"missing": func(ctx context.Context, x *tree) error {
			_, _, err := x.Lookup(ctx, deepest+"/none/below")
			return err
		},
		"through a link": func(ctx context.Context, x *tree) error { _, _, err := x.Lookup(ctx, "/link/x"); return err },
		"ReadFile of none": func(ctx context.Context, x *tree) error {
			_, err := x.ReadFile(ctx, deepest+"/f")
			return ignoreMissing(err)
		},
	} {
		files.asked = 0
		x := newTree(files, noRemoval)
		for _, pass := range []string{"first", "cached"} {
			ctx := &budget{Context: t.Context(), most: 5 * depth}
			if err := call(ctx, x); err != nil {
				text := err.Error() // which holds the path
				t.Errorf("%s, %s call: ...%s", name, pass, text[max(0, len(text)-40):])
			}
			if ctx.asked < depth && name != "through a link" {
				t.Errorf("%s, %s call: asked the context %d times for a path of depth %d", name, pass, ctx.asked, depth)
			}
		}
		if files.asked > depth+10 {
			t.Errorf("%s: %d questions to the engine for a path of depth %d", name, files.asked, depth)
		}
	}
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// TestLookupEndsWithItsContext: also where everything that it needs is cached.
func TestLookupEndsWithItsContext(t *testing.T) {
	files, deepest := deepFiles(3)
	x := newTree(files, noRemoval)
	if _, ok, err := x.Lookup(t.Context(), deepest); !ok || err != nil {
		t.Fatalf("Lookup: %t, %v", ok, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, p := range []string{deepest, "/", "/none"} {
		if _, _, err := x.Lookup(ended, p); !errors.Is(err, context.Canceled) {
			t.Errorf("Lookup(%s): %v", p, err)
		}
		if _, _, err := x.Probe(ended, p); !errors.Is(err, context.Canceled) {
			t.Errorf("Probe(%s): %v", p, err)
		}
		if _, _, err := x.List(ended, p, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("List(%s): %v", p, err)
		}
	}
}

// TestLookupFollowsParents: a loop ends, and a path below a file is nothing.
func TestLookupFollowsParents(t *testing.T) {
	files, _ := deepFiles(2)
	files.links["/loop"] = "/loop"
	files.links["/to"] = "/d"
	x := newTree(files, noRemoval)
	if e, ok, err := x.Lookup(t.Context(), "/to/d"); err != nil || !ok || e.Path != "/d/d" || e.Kind != image.Dir {
		t.Errorf("Lookup(/to/d): %+v, %t, %v", e, ok, err)
	}
	if _, _, err := x.Lookup(t.Context(), "/loop/x"); !errors.Is(err, image.ErrLoop) {
		t.Errorf("Lookup(/loop/x): %v", err)
	}
	if e, ok, err := x.Lookup(t.Context(), "/to/none/x"); ok || err != nil {
		t.Errorf("Lookup(/to/none/x): %+v, %v", e, err)
	}
}

// TestSmallDirectoryIsReadOnce: the entry of a small directory and its listing come in one stream, in any order.
func TestSmallDirectoryIsReadOnce(t *testing.T) {
	many := map[string]int64{}
	for i := range peekEntries + 1 {
		many[fmt.Sprintf("/d/%d", i)] = 1
	}
	for _, c := range []struct {
		name          string
		sizes         map[string]int64
		cut           bool
		streams, list int
	}{
		{"empty", nil, false, 1, 0},
		{"small", map[string]int64{"/d/a": 1, "/d/b": peekBytes - 1}, false, 1, 2},
		{"large", map[string]int64{"/d/a": 1, "/d/b": peekBytes}, false, 2, 2},
		{"many", many, false, 2, len(many)},
		{"cut off", nil, true, 2, -1},
	} {
		for _, listFirst := range []bool{false, true} {
			files := &memFiles{dirs: map[string]bool{"/d": true}, sizes: c.sizes, cut: c.cut}
			x := newTree(files, noRemoval)
			list := func() {
				entries, more, err := x.List(t.Context(), "/d", 1000)
				if len(entries) != max(0, c.list) || more || (err != nil) != (c.list < 0) {
					t.Errorf("%s: %d entries, %t, %v", c.name, len(entries), more, err)
				}
			}
			if listFirst {
				list()
			}
			if e, ok, err := x.Lookup(t.Context(), "/d"); !ok || err != nil || e.UID != 7 {
				t.Errorf("%s: %+v, %t, %v", c.name, e, ok, err)
			}
			list()
			want := c.streams
			if listFirst && !c.cut {
				want = 1
			}
			if files.streams != want && (!listFirst || !c.cut) {
				t.Errorf("%s, listed first %t: %d streams", c.name, listFirst, files.streams)
			}
		}
	}
}

// TestListIsCutOffWhereItWasAskedFor: what Lookup has read of a directory is no answer to a shorter list.
func TestListIsCutOffWhereItWasAskedFor(t *testing.T) {
	files := &memFiles{dirs: map[string]bool{"/d": true}, sizes: map[string]int64{"/d/a": 1, "/d/b": 1, "/d/c": 2 * peekBytes}}
	x := newTree(files, noRemoval)
	if _, _, err := x.Lookup(t.Context(), "/d"); err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{1, 2, 3, peekEntries} {
		entries, more, err := x.List(t.Context(), "/d", limit)
		if len(entries) != min(3, limit) || more != (limit < 3) || err != nil {
			t.Errorf("limit %d: %d entries, %t, %v", limit, len(entries), more, err)
		}
	}
}

// TestListedDirectoryLacksNothing: after a complete listing no path of its directory costs the engine a question.
func TestListedDirectoryLacksNothing(t *testing.T) {
	files := &memFiles{dirs: map[string]bool{"/d": true}, sizes: map[string]int64{"/d/a": 1}}
	x := newTree(files, noRemoval)
	if _, _, err := x.List(t.Context(), "/d", 10); err != nil {
		t.Fatal(err)
	}
	files.asked = 0
	for p, there := range map[string]bool{"/d/a": true, "/d/b": false, "/d/b/c": false} {
		if _, ok, err := x.Probe(t.Context(), p); ok != there || err != nil {
			t.Errorf("%s: %t, %v", p, ok, err)
		}
	}
	if files.asked != 0 {
		t.Errorf("%d questions to the engine", files.asked)
	}
}

// TestPreload: files that one stream has are not read again; others are read as without it.
func TestPreload(t *testing.T) {
	for _, c := range []struct {
		name    string
		sizes   map[string]int64
		streams int // with those of the files that Preload did not find
	}{
		{"both", map[string]int64{"/etc/group": 3, "/etc/passwd": 5}, 1},
		{"one", map[string]int64{"/etc/passwd": 5}, 1},
		{"none", map[string]int64{"/etc/hosts": 5}, 1},
		{"large", map[string]int64{"/etc/group": maxKept + 1, "/etc/passwd": 5}, 2},
		{"behind much", map[string]int64{"/etc/a": maxPreload, "/etc/group": 3, "/etc/passwd": 5}, 3},
	} {
		files := &memFiles{dirs: map[string]bool{"/etc": true}, sizes: c.sizes}
		x := newTree(files, noRemoval)
		x.Preload(t.Context(), "/etc", "group", "passwd")
		for _, p := range []string{"/etc/passwd", "/etc/group"} {
			data, err := x.ReadFile(t.Context(), p)
			if size, has := c.sizes[p]; has != (err == nil) || int64(len(data)) != size {
				t.Errorf("%s: %s has %d bytes, %v", c.name, p, len(data), err)
			}
		}
		if files.streams != c.streams {
			t.Errorf("%s: %d streams", c.name, files.streams)
		}
		if x.Preload(t.Context(), "/etc", "passwd"); c.name == "both" && files.streams != c.streams {
			t.Errorf("%s: a file that is cached was read again", c.name)
		}
	}
	files := &memFiles{}
	newTree(files, noRemoval).Preload(t.Context(), "/etc", "passwd")
	if files.streams > 0 {
		t.Errorf("%d streams of a missing directory", files.streams)
	}
}

func BenchmarkLookup(b *testing.B) {
	for _, depth := range []int{10, 100, 1000} {
		files, deepest := deepFiles(depth)
		b.Run(fmt.Sprintf("depth=%d", strings.Count(deepest, "/")), func(b *testing.B) {
			for b.Loop() {
				if _, ok, err := newTree(files, noRemoval).Lookup(b.Context(), deepest); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
}
