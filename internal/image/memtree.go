package image

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// MemTree is a Tree in memory. It is immutable.
type MemTree struct {
	entries map[string]Entry
	paths   []string // sorted
	content map[string][]byte
}

var _ Tree = (*MemTree)(nil)

// NewMemTree returns a tree of entries and of the content of files, by path. Files that have content but no entry are
// 0644 root:root; folders that have something below them but no entry are 0755 root:root.
func NewMemTree(entries []Entry, content map[string]string) *MemTree {
	t := &MemTree{entries: map[string]Entry{}, content: map[string][]byte{}}
	for _, e := range entries {
		e.Path = path.Join("/", e.Path)
		t.entries[e.Path] = e
	}
	for p, text := range content {
		p = path.Join("/", p)
		e, ok := t.entries[p]
		if !ok {
			e = Entry{Path: p, Kind: File, Mode: 0o644}
		}
		e.Size = int64(len(text))
		t.entries[p] = e
		t.content[p] = []byte(text)
	}
	for p := range t.entries {
		t.addParents(p)
	}
	for p := range t.entries {
		t.paths = append(t.paths, p)
	}
	sort.Strings(t.paths)
	return t
}

func (t *MemTree) addParents(p string) {
	for p != "/" {
		p = path.Dir(p)
		if _, ok := t.entries[p]; ok {
			return
		}
		t.entries[p] = Entry{Path: p, Kind: Dir, Mode: 0o755}
	}
}

// Lookup implements Tree. The entry's path is the real one, after the parents' symlinks.
func (t *MemTree) Lookup(_ context.Context, p string) (Entry, bool, error) {
	return t.find(p, false)
}

func (t *MemTree) find(p string, last bool) (Entry, bool, error) {
	real, err := follow(p, last, t.raw)
	if err != nil {
		return Entry{}, false, err
	}
	return t.raw(real)
}

func (t *MemTree) raw(p string) (Entry, bool, error) {
	e, ok := t.entries[p]
	return e, ok, nil
}

// List implements Tree.
func (t *MemTree) List(_ context.Context, p string, limit int) ([]Entry, bool, error) {
	dir, err := follow(p, false, t.raw)
	if err != nil {
		return nil, false, err
	}
	prefix := strings.TrimSuffix(dir, "/") + "/"
	var out []Entry
	for _, at := range t.paths[sort.SearchStrings(t.paths, prefix):] {
		if !strings.HasPrefix(at, prefix) {
			break
		}
		if at == "/" {
			continue
		}
		if len(out) == limit {
			return out, true, nil
		}
		out = append(out, t.entries[at])
	}
	return out, false, nil
}

// ReadFile implements Tree.
func (t *MemTree) ReadFile(_ context.Context, p string) ([]byte, error) {
	e, ok, err := t.find(p, true)
	if err != nil {
		return nil, err
	}
	if !ok || e.Kind != File {
		return nil, fmt.Errorf("reading %s of the image: %w", p, fs.ErrNotExist)
	}
	data := t.content[e.Path]
	return slices.Clone(data[:min(len(data), MaxRead)]), nil
}

// ParseMemTree returns the tree that a text describes, for tests: a listing, then the content of files.
//
//	d 0755 0:0 /var/lib/app
//	f 4755 0:0 /usr/bin/su
//	l /bin -> usr/bin
//	o 0666 0:0 /dev/null
//	-- /etc/passwd --
//	root:x:0:0::/root:/bin/sh
//
// Blank lines of the listing and lines that start with # are ignored. Parents and files are completed as by NewMemTree.
func ParseMemTree(text string) (*MemTree, error) {
	var entries []Entry
	content, file := map[string]string{}, ""
	for line := range strings.Lines(text) {
		trimmed := strings.TrimSpace(line)
		if name, ok := marker(trimmed); ok {
			file = name
			content[file] = ""
			continue
		}
		if file != "" {
			content[file] += line
			continue
		}
		if trimmed == "" || strings.HasPrefix(trimmed, "#") {
			continue
		}
		e, err := parseEntry(trimmed)
		if err != nil {
			return nil, fmt.Errorf("parsing tree line %q: %w", trimmed, err)
		}
		entries = append(entries, e)
	}
	return NewMemTree(entries, content), nil
}

func marker(line string) (string, bool) {
	if len(line) < 7 || !strings.HasPrefix(line, "-- ") || !strings.HasSuffix(line, " --") {
		return "", false
	}
	name := strings.TrimSpace(line[3 : len(line)-3])
	return name, name != ""
}

func parseEntry(line string) (Entry, error) {
	if target, ok := strings.CutPrefix(line, "l "); ok {
		at, link, ok := strings.Cut(target, " -> ")
		if !ok {
			return Entry{}, fmt.Errorf("a link needs ' -> TARGET'")
		}
		return Entry{Path: strings.TrimSpace(at), Kind: Symlink, Mode: 0o777, Link: strings.TrimSpace(link)}, nil
	}
	f := strings.Fields(line)
	kinds := map[string]Kind{"d": Dir, "f": File, "o": Other}
	if len(f) != 4 || kinds[f[0]] == "" {
		return Entry{}, fmt.Errorf("want 'd|f|o MODE UID:GID PATH' or 'l PATH -> TARGET'")
	}
	mode, err := strconv.ParseUint(f[1], 8, 12)
	if err != nil {
		return Entry{}, err
	}
	uid, gid, _ := strings.Cut(f[2], ":")
	u, ok1 := parseID(uid)
	g, ok2 := parseID(gid)
	if !ok1 || !ok2 {
		return Entry{}, fmt.Errorf("%q is not UID:GID", f[2])
	}
	return Entry{Path: f[3], Kind: kinds[f[0]], UID: u, GID: g, Mode: unixMode(int64(mode))}, nil
}

// unixMode converts the mode bits of a tar header or a listing to Go's.
func unixMode(bits int64) fs.FileMode {
	mode := fs.FileMode(bits & 0o777)
	for bit, m := range map[int64]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if bits&bit != 0 {
			mode |= m
		}
	}
	return mode
}
