package cluster

import (
	"cmp"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
)

// parseFiles reads lines of `stat -c '%f %u %g %s %Y %n'`: the raw mode in hexadecimal, owner, group, size, time, path.
// Lines of another form are left out.
func parseFiles(text string) map[string]image.Entry {
	out := map[string]image.Entry{}
	for line := range strings.Lines(text) {
		words := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 6)
		if len(words) != 6 || !path.IsAbs(words[5]) {
			continue
		}
		mode, err := strconv.ParseUint(words[0], 16, 32)
		if err != nil {
			continue
		}
		e := image.Entry{Path: path.Clean(words[5]), Kind: kindOf(mode), Mode: permissions(mode)}
		for i, to := range []*int64{&e.UID, &e.GID, &e.Size, &e.Mtime} {
			*to, _ = strconv.ParseInt(words[1+i], 10, 64)
		}
		out[e.Path] = e
	}
	return out
}

// The type bits of a raw mode.
const (
	typeBits    = 0o170000
	typeDir     = 0o040000
	typeFile    = 0o100000
	typeSymlink = 0o120000
)

func kindOf(mode uint64) image.Kind {
	switch mode & typeBits {
	case typeDir:
		return image.Dir
	case typeFile:
		return image.File
	case typeSymlink:
		return image.Symlink
	}
	return image.Other
}

// permissions returns the permission bits of a raw mode, with those of setuid, setgid and sticky.
func permissions(mode uint64) fs.FileMode {
	out := fs.FileMode(mode & 0o777)
	for _, b := range []struct {
		raw  uint64
		mode fs.FileMode
	}{{0o4000, fs.ModeSetuid}, {0o2000, fs.ModeSetgid}, {0o1000, fs.ModeSticky}} {
		if mode&b.raw != 0 {
			out |= b.mode
		}
	}
	return out
}

// unescape replaces the octal escapes of /proc/self/mounts.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

// parseMounts returns the mount points of /proc/self/mounts, without the root.
func parseMounts(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); len(words) > 1 && words[1] != "/" {
			out = append(out, unescape.Replace(words[1]))
		}
	}
	return out
}

// engineFiles are what runtimes add to the root filesystem of each container.
var engineFiles = []string{"/proc", "/sys", "/dev", "/.dockerenv", "/run/.containerenv", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab"}

// differences returns what docker diff would print: the entries of the container that the image does not have, or has
// otherwise, those that are gone, and the directories above them. Paths below mount points are left out, and those in
// directories that the reader, who listed the files, may not read.
func differences(base []image.Entry, now map[string]image.Entry, mounts []string, by reader) []observe.Change {
	d := differ{now: now, before: map[string]image.Entry{}, mounts: mounts, out: map[string]observe.Change{}}
	for _, e := range base {
		d.before[e.Path] = e
	}
	for at, e := range now {
		old, ok := d.before[at]
		switch {
		case at == "/" || d.foreign(at):
		case !ok:
			d.add(observe.Change{Kind: observe.Added, Path: at, Dir: e.Kind == image.Dir})
		case differs(old, e):
			d.add(observe.Change{Kind: observe.Modified, Path: at})
		}
	}
	for at := range d.before {
		_, there := now[at]
		parent, listed := now[path.Dir(at)]
		if !there && listed && by.lists(parent) && at != "/" && !d.foreign(at) { // of a tree that is gone, its top
			d.add(observe.Change{Kind: observe.Deleted, Path: at})
		}
	}
	out := make([]observe.Change, 0, len(d.out))
	for _, c := range d.out {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b observe.Change) int { return cmp.Compare(a.Path, b.Path) })
	return out
}

// differ collects the changes between two states of a tree.
type differ struct {
	before, now map[string]image.Entry
	mounts      []string
	out         map[string]observe.Change
}

// add adds a change, and a modification of each directory above it that both states have.
func (d *differ) add(c observe.Change) {
	d.out[c.Path] = c
	for up := path.Dir(c.Path); up != "/"; up = path.Dir(up) {
		if _, known := d.out[up]; known {
			return
		}
		if _, had := d.before[up]; had {
			d.out[up] = observe.Change{Kind: observe.Modified, Path: up}
		}
	}
}

// foreign reports whether a path is not the application's: it is of the runtime, mounted, or was made for a mount point.
func (d *differ) foreign(at string) bool {
	for _, f := range engineFiles {
		if profile.Within(at, f) {
			return true
		}
	}
	_, had := d.before[at]
	for _, m := range d.mounts {
		if profile.Within(at, m) || !had && profile.Within(m, at) {
			return true
		}
	}
	return false
}

// differs reports whether docker diff would call an entry modified: the mode or the owner, or of what is no directory the
// size or the time.
func differs(old, now image.Entry) bool {
	if old.Kind != now.Kind || old.UID != now.UID || old.GID != now.GID {
		return true
	}
	if now.Kind != image.Symlink && old.Mode != now.Mode {
		return true
	}
	return now.Kind == image.File && (old.Size != now.Size || old.Mtime != now.Mtime)
}

// reader is a user who lists files.
type reader struct {
	uid    int64
	groups []int64
}

// parseReader reads the user of a /proc/PID/status file.
func parseReader(status string) reader {
	var r reader
	for line := range strings.Lines(status) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		words := strings.Fields(value)
		switch key {
		case "Uid":
			r.uid = number(words, 1)
		case "Gid":
			r.groups = append(r.groups, number(words, 1))
		case "Groups":
			for i := range words {
				r.groups = append(r.groups, number(words, i))
			}
		}
	}
	return r
}

// lists reports whether the user may list a directory and inspect its entries. Root may always.
func (r reader) lists(dir image.Entry) bool {
	if dir.Kind != image.Dir {
		return true // a directory of the image that is one no longer: nothing is in it
	}
	const both = 0o5
	switch {
	case r.uid == 0:
		return true
	case r.uid == dir.UID:
		return dir.Mode>>6&both == both
	case slices.Contains(r.groups, dir.GID):
		return dir.Mode>>3&both == both
	}
	return dir.Mode&both == both
}
