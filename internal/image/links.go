package image

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// ErrLoop is a path with more symlinks than a kernel follows.
var ErrLoop = errors.New("too many levels of symbolic links")

// maxLinks is the kernel's own bound.
const maxLinks = 40

// DefaultPath is the PATH that engines and kubelets give a container whose image sets none.
const DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Resolve returns the final path of p after all symlinks, the last component's included, inside the tree. Components
// that do not exist are kept as they are. More links than a kernel follows are ErrLoop.
func Resolve(ctx context.Context, tree Tree, p string) (string, error) {
	return follow(p, true, func(p string) (Entry, bool, error) { return Probe(ctx, tree, p) })
}

// follow walks a path component by component through lookup, which is only asked for paths whose parents are no
// symlinks. ".." is the parent of what was reached, as in a kernel, and never leaves the root.
func follow(p string, last bool, lookup func(string) (Entry, bool, error)) (string, error) {
	rest, at, links := split(p), "/", 0
	for len(rest) > 0 {
		name := rest[0]
		rest = rest[1:]
		if name == ".." {
			at = path.Dir(at)
			continue
		}
		next := path.Join(at, name)
		if len(rest) == 0 && !last {
			return next, nil
		}
		e, ok, err := lookup(next)
		if err != nil {
			return "", err
		}
		if !ok || e.Kind != Symlink {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("following %s: %w", p, ErrLoop)
		}
		if strings.HasPrefix(e.Link, "/") {
			at = "/"
		}
		rest = append(split(e.Link), rest...)
	}
	return at, nil
}

func split(p string) []string {
	return slices.DeleteFunc(strings.Split(p, "/"), func(s string) bool { return s == "" || s == "." })
}

// HasProgram looks for an executable file by name in the folders of a PATH (DefaultPath where it is empty), following
// links, and returns the first path that has it. A name with a slash is looked up as it is.
func HasProgram(ctx context.Context, tree Tree, name, pathEnv string) (string, bool, error) {
	if name == "" {
		return "", false, nil
	}
	if pathEnv == "" {
		pathEnv = DefaultPath
	}
	dirs := strings.Split(pathEnv, ":")
	if strings.Contains(name, "/") {
		dirs = []string{"/"}
	}
	for _, dir := range dirs {
		at := path.Join("/", dir, name)
		ok, err := executable(ctx, tree, at)
		if ok || err != nil {
			return at, ok, err
		}
	}
	return "", false, nil
}

func executable(ctx context.Context, tree Tree, at string) (bool, error) {
	real, err := Resolve(ctx, tree, at)
	if errors.Is(err, ErrLoop) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for %s in the image: %w", at, err)
	}
	e, ok, err := Probe(ctx, tree, real)
	if err != nil {
		return false, fmt.Errorf("looking for %s in the image: %w", at, err)
	}
	return ok && e.Kind == File && e.Mode&0o111 != 0, nil
}
