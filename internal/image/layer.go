package image

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

const (
	// spoolFile is the largest file whose content is kept while a layer is read; larger ones are read again on demand.
	spoolFile = 128 << 10
	// spoolTotal bounds what is kept of all layers together.
	spoolTotal = 512 << 20
	// maxEntries bounds the entries of one layer: more is an attack or a mistake.
	maxEntries = 4 << 20
)

// The names by which a layer removes content of lower layers.
const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
)

// layer is the table of contents of one layer.
type layer struct {
	entries map[string]Entry
	implied map[string]bool   // folders with something below them but without an entry
	removed map[string]bool   // paths of lower layers that this one removes
	opaque  map[string]bool   // folders whose content in lower layers this one removes
	hard    map[string]string // hard links whose target is in a lower layer
	data    map[string]span
}

// span is a file's content in the spool.
type span struct{ at, size int64 }

// spool keeps the content of small files on disk, in a file without a name, which ends with the process.
type spool struct {
	file *os.File
	size int64
}

func newSpool() (*spool, error) {
	f, err := os.CreateTemp("", "podseal-layers-")
	if err != nil {
		return nil, fmt.Errorf("making a temporary file for layers: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("unlinking a temporary file: %w", err), f.Close())
	}
	return &spool{file: f}, nil
}

func (s *spool) keep(r io.Reader) (span, error) {
	n, err := io.Copy(io.NewOffsetWriter(s.file, s.size), r)
	kept := span{at: s.size, size: n}
	s.size += n
	return kept, err
}

func (s *spool) read(at span) ([]byte, error) {
	data := make([]byte, at.size)
	_, err := s.file.ReadAt(data, at.at)
	return data, err
}

// readLayer reads a layer's table of contents to the end, so that its digest is verified too.
func readLayer(ctx context.Context, r io.Reader, sp *spool) (*layer, error) {
	l := &layer{
		entries: map[string]Entry{}, implied: map[string]bool{}, removed: map[string]bool{},
		opaque: map[string]bool{}, hard: map[string]string{}, data: map[string]span{},
	}
	err := eachHeader(ctx, r, func(h *tar.Header, body io.Reader) error {
		if len(l.entries) > maxEntries {
			return fmt.Errorf("more than %d entries", maxEntries)
		}
		return l.add(h, body, sp)
	})
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		return nil, err
	}
	return l, nil
}

func eachHeader(ctx context.Context, r io.Reader, use func(*tar.Header, io.Reader) error) error {
	for tr := tar.NewReader(r); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := use(h, tr); err != nil {
			return err
		}
	}
}

func (l *layer) add(h *tar.Header, body io.Reader, sp *spool) error {
	at := path.Join("/", h.Name)
	dir, name := path.Split(at)
	dir = path.Clean(dir)
	l.imply(at)
	if name == opaque {
		l.opaque[dir] = true
		return nil
	}
	if gone, ok := strings.CutPrefix(name, whiteout); ok {
		l.removed[path.Join(dir, gone)] = true
		return nil
	}
	delete(l.data, at)
	delete(l.hard, at)
	if h.Typeflag == tar.TypeLink {
		l.link(at, path.Join("/", h.Linkname))
		return nil
	}
	e := entryOf(at, h)
	l.entries[at] = e
	if e.Kind == File && e.Size <= spoolFile && sp.size+e.Size <= spoolTotal {
		kept, err := sp.keep(body)
		if err != nil {
			return fmt.Errorf("keeping %s: %w", at, err)
		}
		l.data[at] = kept
	}
	return nil
}

// link adds a hard link: the target's entry under another path.
func (l *layer) link(at, target string) {
	e, ok := l.entries[target]
	if !ok {
		l.entries[at] = Entry{Path: at, Kind: File}
		l.hard[at] = target
		return
	}
	e.Path = at
	l.entries[at] = e
	if further, ok := l.hard[target]; ok {
		l.hard[at] = further
	}
	if kept, ok := l.data[target]; ok {
		l.data[at] = kept
	} else if l.hard[at] == "" && e.Kind == File {
		l.hard[at] = target // too large to be kept: its content is read under the first name
	}
}

func (l *layer) imply(at string) {
	for at != "/" {
		at = path.Dir(at)
		if l.implied[at] {
			return
		}
		l.implied[at] = true
	}
}

// hides reports whether the layer removes a path of lower layers: by a whiteout of it or of a parent directory, by an
// opaque parent directory, or by a parent that is not a directory here.
func (l *layer) hides(at string) bool {
	if l.removed[at] {
		return true
	}
	for at != "/" {
		at = path.Dir(at)
		if l.removed[at] || l.opaque[at] {
			return true
		}
		if e, ok := l.entries[at]; ok && e.Kind != Dir {
			return true
		}
	}
	return false
}

func entryOf(at string, h *tar.Header) Entry {
	e := Entry{
		Path: at, UID: int64(h.Uid), GID: int64(h.Gid), Mode: unixMode(h.Mode), Mtime: h.ModTime.Unix(),
		Caps: h.PAXRecords["SCHILY.xattr.security.capability"],
	}
	switch h.Typeflag {
	case tar.TypeReg:
		e.Kind, e.Size = File, h.Size
	case tar.TypeDir:
		e.Kind = Dir
	case tar.TypeSymlink:
		e.Kind, e.Link = Symlink, h.Linkname
	default:
		e.Kind = Other
	}
	return e
}
