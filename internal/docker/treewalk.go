package docker

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/docker/docker/api/types/container"

	"github.com/containerd/errdefs"

	"github.com/podseal/podseal/internal/image"
)

// maxListed bounds the listing that stat falls back to.
const maxListed = 10000

// real resolves the symlinks of a path's parents. ok is false when a parent is missing or is not a directory.
func (t *tree) real(ctx context.Context, p string) (real string, ok bool, err error) {
	p = path.Join("/", p)
	if p == "/" {
		return p, true, ctx.Err()
	}
	dir, err := image.Resolve(ctx, realPaths{t}, path.Dir(p))
	if err != nil {
		return "", false, fmt.Errorf("looking up %s in the image: %w", p, err)
	}
	e, err := t.stat(ctx, dir)
	return path.Join(dir, path.Base(p)), err == nil && e.Kind == image.Dir, err
}

// realPaths is the tree as image.Resolve walks it: no parent of a path is a symlink. It embeds nothing: with a promoted
// Probe or Lookup, which resolve the parents first, each component would cost as much as all components above it.
type realPaths struct{ t *tree }

var _ image.Prober = realPaths{}

func (r realPaths) Lookup(ctx context.Context, p string) (image.Entry, bool, error) {
	return r.t.probe(ctx, p)
}

func (r realPaths) Probe(ctx context.Context, p string) (image.Entry, bool, error) {
	return r.t.probe(ctx, p)
}

func (r realPaths) List(ctx context.Context, p string, limit int) ([]image.Entry, bool, error) {
	return r.t.List(ctx, p, limit)
}

func (r realPaths) ReadFile(ctx context.Context, p string) ([]byte, error) {
	return r.t.ReadFile(ctx, p)
}

// probe returns the entry at a real path without owner, capability and time.
func (t *tree) probe(ctx context.Context, p string) (image.Entry, bool, error) {
	e, err := t.stat(ctx, p)
	if err != nil || e.Kind == "" {
		return image.Entry{}, false, err
	}
	if e.Kind == image.Symlink && !path.IsAbs(e.Link) { // the engine does not report where it leads
		return t.entry(ctx, p)
	}
	e.Path = p
	return e, true, nil
}

// stat returns the kind, the mode and the size of what is at a real path, without its Path. Kind "" means that there is
// nothing.
func (t *tree) stat(ctx context.Context, p string) (image.Entry, error) {
	if err := ctx.Err(); err != nil {
		return image.Entry{}, fmt.Errorf("looking up %s in the image: %w", p, err)
	}
	if p == "/" {
		return image.Entry{Kind: image.Dir, Mode: 0o755}, nil
	}
	t.mu.Lock()
	e, ok := t.stats[p]
	_, complete := t.whole[path.Dir(p)]
	t.mu.Unlock()
	if ok || complete { // a listing leaves an entry for each path
		return e, nil
	}
	dir, err := t.stat(ctx, path.Dir(p))
	if err != nil {
		return image.Entry{}, err
	}
	if dir.Kind == image.Dir { // engines answer with all kinds of errors for a path below a file
		if e, err = t.askStat(ctx, p); err != nil {
			return image.Entry{}, err
		}
	}
	t.mu.Lock()
	t.stats[p] = e
	t.mu.Unlock()
	return e, nil
}

func (t *tree) askStat(ctx context.Context, p string) (image.Entry, error) {
	found, err := t.files.stat(ctx, p)
	switch {
	case err == nil:
		return statOf(found), nil
	case errdefs.IsNotFound(err):
		return image.Entry{}, nil
	case ctx.Err() != nil:
		return image.Entry{}, fmt.Errorf("looking up %s in the image: %w", p, err)
	}
	return t.statByList(ctx, p, err)
}

// statByList finds the entry at a path in the listing of its directory. Some engines follow a symlink whose path they
// are asked for, and fail where it leads nowhere: in a circle, or through a file. cause is that failure.
func (t *tree) statByList(ctx context.Context, p string, cause error) (image.Entry, error) {
	entries, _, err := t.List(ctx, path.Dir(p), maxListed)
	if err != nil {
		return image.Entry{}, err
	}
	for _, e := range entries {
		if e.Path == p {
			return e, nil
		}
	}
	return image.Entry{}, fmt.Errorf("looking up %s in the image: %w", p, cause)
}

// The bounds of what entry reads below a directory. Each stream costs the engine a process, and a small directory is mostly
// listed next.
const (
	peekEntries = 64
	peekBytes   = 64 << 10
)

// entry returns everything about a real path. Only a tar stream has the owner, in its first header.
func (t *tree) entry(ctx context.Context, p string) (image.Entry, bool, error) {
	found, err := t.stat(ctx, p)
	if err != nil || found.Kind == "" {
		return image.Entry{}, false, err
	}
	t.mu.Lock()
	e, ok := t.entries[p]
	t.mu.Unlock()
	if ok {
		return e, true, nil
	}
	if found.Kind == image.Dir {
		own, _, _, err := t.readDir(ctx, p, peekEntries, peekBytes)
		if err != nil && own.Path == "" {
			return image.Entry{}, false, fmt.Errorf("looking up %s in the image: %w", p, err)
		}
		return own, true, nil
	}
	h, _, err := t.readArchive(ctx, p, 0)
	if err != nil {
		return image.Entry{}, false, fmt.Errorf("looking up %s in the image: %w", p, err)
	}
	e = entryOf(h, p)
	t.mu.Lock()
	t.entries[p] = e
	t.mu.Unlock()
	return e, true, nil
}

// statOf turns the engine's answer about a path into an entry without owner and time. The Link of a symlink is where it
// leads in the end.
func statOf(found container.PathStat) image.Entry {
	e := image.Entry{Kind: kindOf(found.Mode), Mode: permissions(found.Mode), Size: found.Size}
	if e.Kind == image.Symlink {
		e.Link = found.LinkTarget
	}
	return e
}

func permissions(mode fs.FileMode) fs.FileMode {
	return mode & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
}

// readDir reads the directory at a real path: its own entry, and up to limit entries below it, as long as their files have
// at most that many bytes. more is true when there are others. It caches what it has read. own has a path where only what
// is below could not be read.
func (t *tree) readDir(ctx context.Context, real string, limit int, bytes int64) (own image.Entry, entries []image.Entry, more bool, err error) {
	body, err := t.files.archive(ctx, real)
	if err != nil {
		return own, nil, false, err
	}
	defer body.Close()
	files := tar.NewReader(body)
	h, err := files.Next()
	if err != nil {
		return own, nil, false, err
	}
	own = entryOf(h, real)
	entries, more, err = readEntries(ctx, files, real, limit, bytes)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.entries[real] = own
	if err != nil {
		return own, nil, false, err
	}
	for _, e := range entries {
		t.entries[e.Path] = e
		t.stats[e.Path] = e
	}
	switch {
	case !more:
		t.whole[real] = slices.Clone(entries)
	case len(entries) == limit:
		t.lists[listing{real, limit}] = listed{slices.Clone(entries), true}
	}
	return own, entries, more, nil
}

// readEntries reads the rest of the tar stream of the directory at dir, whose own entry is the first and has been read. It
// ends before the files would have more than that many bytes.
func readEntries(ctx context.Context, files *tar.Reader, dir string, limit int, bytes int64) (entries []image.Entry, more bool, err error) {
	sizes := map[string]int64{}
	for {
		if err := ctx.Err(); err != nil {
			return nil, false, err
		}
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, false, err
		}
		if bytes -= h.Size; len(entries) == limit || bytes < 0 {
			more = true
			break
		}
		e := entryOf(h, place(h.Name, dir))
		if h.Typeflag == tar.TypeLink { // a second name of a file: its size stands at the first
			e.Size = sizes[place(h.Linkname, dir)]
		}
		sizes[e.Path] = e.Size
		entries = append(entries, e)
	}
	sort.Slice(entries, func(i, j int) bool { return entries[i].Path < entries[j].Path })
	return entries, more, nil
}

// place returns the path of a tar name in a stream of dir, whose names start with the directory's own name. The root's own
// name is "/", and the names below it start with "/".
func place(tarName, dir string) string {
	if dir == "/" {
		return path.Join("/", tarName)
	}
	_, below, _ := strings.Cut(strings.TrimPrefix(tarName, "./"), "/")
	return path.Join(dir, below)
}

func entryOf(h *tar.Header, at string) image.Entry {
	mode := h.FileInfo().Mode()
	e := image.Entry{
		Path: at, Kind: kindOf(mode), UID: int64(h.Uid), GID: int64(h.Gid), Size: h.Size, Mtime: h.ModTime.Unix(),
		Mode: permissions(mode),
		Caps: h.PAXRecords["SCHILY.xattr.security.capability"],
	}
	if h.Typeflag == tar.TypeLink {
		e.Kind = image.File
	}
	if e.Kind == image.Symlink {
		e.Link = h.Linkname
	}
	return e
}

func kindOf(mode fs.FileMode) image.Kind {
	switch {
	case mode.IsRegular():
		return image.File
	case mode.IsDir():
		return image.Dir
	case mode&fs.ModeSymlink != 0:
		return image.Symlink
	}
	return image.Other
}
