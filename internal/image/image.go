// Package image holds the facts of a container image: its configuration, users and groups, and what its folders hold.
// It reads them from an engine (through an interface), a registry, a tarball or an OCI layout.
package image

import (
	"context"
	"io/fs"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Facts describe an image without its files.
type Facts struct {
	Ref      string         // as the user gave it
	ID       string         // the engine's id, "sha256:..."
	Digest   string         // "repo@sha256:...", if the image was pulled from or pushed to a registry; else empty
	Platform string         // "linux/amd64"
	Config   *v1.ConfigFile // never nil

	Annotations map[string]string // of the manifest, if it was read; else nil

	provenance func() ([]Material, error) // nil if the image has none
}

// Kind is the type of an entry of an image's filesystem.
type Kind string

// The kinds of entries.
const (
	File    Kind = "file"
	Dir     Kind = "dir"
	Symlink Kind = "symlink"
	Other   Kind = "other" // device, socket, pipe
)

// Entry is one file or folder of an image.
type Entry struct {
	Path  string // absolute, clean
	Kind  Kind
	UID   int64
	GID   int64
	Mode  fs.FileMode // permission bits with ModeSetuid, ModeSetgid, ModeSticky
	Size  int64
	Link  string // target of a symlink, as stored
	Caps  string // value of security.capability, raw; empty if none
	Mtime int64  // unix seconds
}

// MaxRead bounds what Tree.ReadFile returns, in bytes.
const MaxRead = 1 << 20

// Tree is an image's files. Paths are absolute; the last component of a path is not followed when it is a symlink, the
// others are. Implementations may read on demand and may cache; they are safe for concurrent use.
type Tree interface {
	// Lookup returns the entry at a path; the zero Entry, which has no kind, and false when the image has none.
	Lookup(ctx context.Context, path string) (e Entry, ok bool, err error)
	// List returns the entries below a folder (the folder itself not included), sorted by path, all levels, at most
	// limit of them; more is true when there are others.
	List(ctx context.Context, path string, limit int) (entries []Entry, more bool, err error)
	// ReadFile returns the first MaxRead bytes of a file, following symlinks. A missing file is fs.ErrNotExist.
	ReadFile(ctx context.Context, path string) ([]byte, error)
}
