package seal_test

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
)

// files is what a fake container sees: the image's files, with mounts over them. It knows owners, modes, links and
// which file system is read-only; it does not know content.
type files struct {
	nodes    map[string]image.Entry // by real path
	mounts   []string               // mount points, sorted
	readOnly bool                   // of the root file system
}

func newFiles(entries []image.Entry) *files {
	f := &files{nodes: map[string]image.Entry{"/": {Path: "/", Kind: image.Dir, Mode: 0o755}}}
	for _, e := range entries {
		f.nodes[e.Path] = e
	}
	return f
}

// mountPoint is the deepest mount at or above a path, "" for the root file system.
func (f *files) mountPoint(p string) string {
	best := ""
	for _, m := range f.mounts {
		if profile.Within(p, m) && len(m) > len(best) {
			best = m
		}
	}
	return best
}

// cover mounts nodes at a path: what was there is hidden. The parents are made, as a runtime does.
func (f *files) cover(at string, nodes map[string]image.Entry) {
	f.hide(at)
	f.makeParents(path.Dir(at))
	maps.Copy(f.nodes, nodes)
	f.mounts = append(f.mounts, at)
	slices.Sort(f.mounts)
}

func (f *files) hide(at string) {
	for p := range f.nodes {
		if profile.Within(p, at) {
			delete(f.nodes, p)
		}
	}
}

func (f *files) makeParents(p string) {
	for ; p != "/"; p = path.Dir(p) {
		if _, ok := f.nodes[p]; !ok {
			f.nodes[p] = image.Entry{Path: p, Kind: image.Dir, Mode: 0o755}
		}
	}
}

// below is a copy of what is at and below a path.
func (f *files) below(at string) map[string]image.Entry {
	out := map[string]image.Entry{}
	for p, e := range f.nodes {
		if profile.Within(p, at) {
			out[p] = e
		}
	}
	return out
}

// real follows the links in a path's parents, and in its last name too where last is set.
func (f *files) real(p string, last bool) string {
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

// who is a process's user with its powers.
type who struct {
	uid, gid int64
	groups   []int64
	caps     []string
}

func (w who) can(c string) bool { return w.uid == 0 && slices.Contains(w.caps, c) }

func (w who) may(e image.Entry, bits fs.FileMode) bool {
	mode := e.Mode.Perm()
	switch {
	case e.UID == w.uid:
		mode >>= 6
	case e.GID == w.gid || slices.Contains(w.groups, e.GID):
		mode >>= 3
	}
	return mode&bits == bits || w.can("DAC_OVERRIDE")
}

func (f *files) isReadOnly(p string) bool { return f.readOnly && f.mountPoint(p) == "" }

// reach looks for a path's parent.
func (f *files) reach(w who, p string) string {
	at := "/"
	for _, name := range strings.Split(strings.Trim(path.Dir(p), "/"), "/") {
		at = path.Join(at, name)
		e, ok := f.nodes[at]
		switch {
		case !ok:
			return "ENOENT"
		case e.Kind != image.Dir:
			return "ENOTDIR"
		case !w.may(e, 1):
			return "EACCES"
		}
	}
	return ""
}

// inside tells why a name in a folder cannot be made or removed.
func (f *files) inside(w who, p string) string {
	parent := f.nodes[path.Dir(p)]
	switch {
	case f.isReadOnly(path.Dir(p)):
		return "EROFS"
	case !w.may(parent, 3):
		return "EACCES"
	}
	return ""
}

func (f *files) write(w who, p string) string {
	if errno := f.reach(w, p); errno != "" {
		return errno
	}
	e, ok := f.nodes[p]
	switch {
	case !ok:
		if errno := f.inside(w, p); errno != "" {
			return errno
		}
		f.nodes[p] = image.Entry{Path: p, Kind: image.File, Mode: 0o644, UID: w.uid, GID: w.gid, Mtime: 1}
	case e.Kind == image.Dir:
		return "EISDIR"
	case !w.may(e, 2):
		return "EACCES"
	case f.isReadOnly(p):
		return "EROFS"
	default:
		e.Mtime = 1
		f.nodes[p] = e
	}
	return ""
}

func (f *files) create(w who, p string, e image.Entry) string {
	if errno := f.reach(w, p); errno != "" {
		return errno
	}
	if _, ok := f.nodes[p]; ok {
		return "EEXIST"
	}
	if errno := f.inside(w, p); errno != "" {
		return errno
	}
	e.Path, e.UID, e.GID, e.Mtime = p, w.uid, w.gid, 1
	f.nodes[p] = e
	return ""
}

// remove removes a file or a folder with what is in it.
func (f *files) remove(w who, p string) string {
	if errno := f.reach(w, p); errno != "" {
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
	if errno := f.inside(w, p); errno != "" {
		return errno
	}
	f.hide(p)
	return ""
}

func (f *files) rename(w who, from, to string) string {
	moved := f.below(from)
	if f.mountPoint(path.Dir(from)) != f.mountPoint(path.Dir(to)) && len(moved) > 0 {
		return "EXDEV"
	}
	if errno := f.reach(w, to); errno != "" {
		return errno
	}
	if errno := f.remove(w, from); errno != "" {
		return errno
	}
	f.hide(to)
	for p, e := range moved {
		e.Path, e.Mtime = to+strings.TrimPrefix(p, from), 1
		f.nodes[e.Path] = e
	}
	return ""
}

// meta changes an owner or a mode.
func (f *files) meta(w who, p, capability string, change func(*image.Entry)) string {
	if errno := f.reach(w, p); errno != "" {
		return errno
	}
	e, ok := f.nodes[p]
	switch {
	case !ok:
		return "ENOENT"
	case f.isReadOnly(p):
		return "EROFS"
	case !w.can(capability) && (capability == "CHOWN" || e.UID != w.uid):
		return "EPERM"
	}
	change(&e)
	f.nodes[p] = e
	return ""
}
