package docker

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"sort"
	"strings"

	"github.com/docker/docker/api/types/container"

	"github.com/podseal/podseal/internal/image"
)

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

// readEntries reads the tar stream of the directory at dir, without the directory's own entry, which is the first.
func readEntries(ctx context.Context, body io.Reader, dir string, limit int) (entries []image.Entry, more bool, err error) {
	files := tar.NewReader(body)
	sizes := map[string]int64{}
	for first := true; ; first = false {
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
		if first {
			continue
		}
		if len(entries) == limit {
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

// place is the path of a tar name in a stream of dir, whose names start with the folder's own name. The root's own
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
