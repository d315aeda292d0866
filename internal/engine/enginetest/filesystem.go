package enginetest

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
)

// filesystem is the files that a fake container sees: those of the image, covered by mounts.
type filesystem struct {
	nodes    map[string]image.Entry // by real path
	mounts   []string               // mount points, sorted
	readOnly bool                   // of the root file system
}

// newFilesystem returns a writable file system with the entries of an image.
func newFilesystem(entries []image.Entry) *filesystem {
	f := &filesystem{nodes: map[string]image.Entry{"/": {Path: "/", Kind: image.Dir, Mode: 0o755}}}
	for _, e := range entries {
		f.nodes[e.Path] = e
	}
	return f
}

// mountPoint returns the deepest mount at or above a path, "" for the root file system.
func (f *filesystem) mountPoint(p string) string {
	best := ""
	for _, m := range f.mounts {
		if profile.Within(p, m) && len(m) > len(best) {
			best = m
		}
	}
	return best
}

// cover mounts nodes at a path and hides the files that were there. It makes missing parents, as a runtime does.
func (f *filesystem) cover(at string, nodes map[string]image.Entry) {
	f.hide(at)
	f.makeParents(path.Dir(at))
	maps.Copy(f.nodes, nodes)
	f.mounts = append(f.mounts, at)
	slices.Sort(f.mounts)
}

// hide removes a path and all below it, permissions or not.
func (f *filesystem) hide(at string) {
	for p := range f.nodes {
		if profile.Within(p, at) {
			delete(f.nodes, p)
		}
	}
}

// makeParents makes a directory of root, and its missing parents.
func (f *filesystem) makeParents(p string) {
	for ; p != "/"; p = path.Dir(p) {
		if _, ok := f.nodes[p]; !ok {
			f.nodes[p] = image.Entry{Path: p, Kind: image.Dir, Mode: 0o755}
		}
	}
}

// below returns a copy of the entries at and below a path.
func (f *filesystem) below(at string) map[string]image.Entry {
	out := map[string]image.Entry{}
	for p, e := range f.nodes {
		if profile.Within(p, at) {
			out[p] = e
		}
	}
	return out
}

// real resolves the symbolic links in the parents of a path, and with last also the link that the path itself is.
func (f *filesystem) real(p string, last bool) string {
	for range 20 {
		changed := false
		at := ""
		parts := strings.Split(strings.Trim(path.Clean(p), "/"), "/")
		for i, name := range parts {
			at += "/" + name
			e, ok := f.nodes[at]
			if !ok || e.Kind != image.Symlink || (i == len(parts)-1 && !last) {
				continue
			}
			to := e.Link
			if !path.IsAbs(to) {
				to = path.Join(path.Dir(at), to)
			}
			p, changed = path.Join(append([]string{to}, parts[i+1:]...)...), true
			break
		}
		if !changed {
			return path.Clean(p)
		}
	}
	return path.Clean(p)
}

// isReadOnly reports whether a path is on a read-only file system.
func (f *filesystem) isReadOnly(p string) bool { return f.readOnly && f.mountPoint(p) == "" }

// reach returns why the parent of a path cannot be reached, "" where it can.
func (f *filesystem) reach(who identity, p string) string {
	at := "/"
	for _, name := range strings.Split(strings.Trim(path.Dir(p), "/"), "/") {
		at = path.Join(at, name)
		e, ok := f.nodes[at]
		switch {
		case !ok:
			return "ENOENT"
		case e.Kind != image.Dir:
			return "ENOTDIR"
		case !who.may(e, 1):
			return "EACCES"
		}
	}
	return ""
}

// changeParent returns why a name cannot be added to or removed from the parent of a path, "" where it can.
func (f *filesystem) changeParent(who identity, p string) string {
	parent := f.nodes[path.Dir(p)]
	switch {
	case f.isReadOnly(path.Dir(p)):
		return "EROFS"
	case !who.may(parent, 3):
		return "EACCES"
	}
	return ""
}

// writable reports whether a user can change a file, create it, or create files in a directory.
func (f *filesystem) writable(who identity, p string) bool {
	if f.reach(who, p) != "" {
		return false
	}
	e, ok := f.nodes[p]
	switch {
	case !ok:
		return f.changeParent(who, p) == ""
	case e.Kind == image.Dir:
		return !f.isReadOnly(p) && who.may(e, 3)
	}
	return !f.isReadOnly(p) && who.may(e, 2)
}

// write changes the content of a file, or creates it.
func (f *filesystem) write(who identity, p string) string {
	if errno := f.reach(who, p); errno != "" {
		return errno
	}
	e, ok := f.nodes[p]
	switch {
	case !ok:
		if errno := f.changeParent(who, p); errno != "" {
			return errno
		}
		f.nodes[p] = image.Entry{Path: p, Kind: image.File, Mode: 0o644, UID: who.uid, GID: who.gid, Mtime: 1}
	case e.Kind == image.Dir:
		return "EISDIR"
	case !who.may(e, 2):
		return "EACCES"
	case f.isReadOnly(p):
		return "EROFS"
	default:
		e.Mtime = 1
		f.nodes[p] = e
	}
	return ""
}

// create creates an entry that does not exist, owned by who.
func (f *filesystem) create(who identity, p string, e image.Entry) string {
	if errno := f.reach(who, p); errno != "" {
		return errno
	}
	if _, ok := f.nodes[p]; ok {
		return "EEXIST"
	}
	if errno := f.changeParent(who, p); errno != "" {
		return errno
	}
	e.Path, e.UID, e.GID, e.Mtime = p, who.uid, who.gid, 1
	f.nodes[p] = e
	return ""
}

// remove removes a file, or a directory with all that it holds.
func (f *filesystem) remove(who identity, p string) string {
	if errno := f.reach(who, p); errno != "" {
		return errno
	}
	switch {
	case slices.ContainsFunc(f.mounts, func(m string) bool { return profile.Within(m, p) }):
		return "EBUSY"
	case f.isReadOnly(path.Dir(p)):
		return "EROFS"
	}
	if _, ok := f.nodes[p]; !ok {
		return "ENOENT"
	}
	if errno := f.changeParent(who, p); errno != "" {
		return errno
	}
	f.hide(p)
	return ""
}

// rename moves an entry and all below it within one mount.
func (f *filesystem) rename(who identity, from, to string) string {
	moved := f.below(from)
	if f.mountPoint(path.Dir(from)) != f.mountPoint(path.Dir(to)) && len(moved) > 0 {
		return "EXDEV"
	}
	if errno := f.reach(who, to); errno != "" {
		return errno
	}
	if errno := f.remove(who, from); errno != "" {
		return errno
	}
	f.hide(to)
	for p, e := range moved {
		e.Path, e.Mtime = to+strings.TrimPrefix(p, from), 1
		f.nodes[e.Path] = e
	}
	return ""
}

// meta changes the owner or the mode of an entry. The capability is the one that permits it on files of others.
func (f *filesystem) meta(who identity, p, capability string, change func(*image.Entry)) string {
	if errno := f.reach(who, p); errno != "" {
		return errno
	}
	e, ok := f.nodes[p]
	switch {
	case !ok:
		return "ENOENT"
	case f.isReadOnly(p):
		return "EROFS"
	case !who.can(capability) && (capability == "CHOWN" || e.UID != who.uid):
		return "EPERM"
	}
	change(&e)
	f.nodes[p] = e
	return ""
}
