package plan

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
)

// proposeTemp mounts /tmp, or moves the mount of a temp folder into memory, after a message about temp folders or their modes.
// An emptyDir in memory has mode 1777; one on disk has 0777, which some libraries refuse.
func proposeTemp(ctx context.Context, f failure) (Proposal, error) {
	r := Proposal{Profile: f.cur}
	line := tempLine(f)
	evidence, strength := noEvidence, Guess
	if line != "" {
		evidence, strength = line, f.cap(FromLog)
	}
	for _, p := range tempFolders {
		e, _, err := f.in.Tree.Lookup(ctx, p)
		if err != nil {
			return r, fmt.Errorf("looking up %s in the image: %w", p, err)
		}
		m, mounted := f.cur.Mount(p)
		switch {
		case mounted && line != "" && m.Medium == profile.Disk:
			m.Medium = profile.Memory
			r.mount(m, "a disk emptyDir is 0777 without the sticky bit, which the application refuses for temp files; in memory it is 1777", evidence, strength)
		case !mounted && e.Kind == image.Dir && p == "/tmp" && (line != "" || !f.run.Trace.On):
			r.mount(profile.Mount{Path: p, Kind: profile.Plain}, "temp files, which docker diff does not show once they are removed", evidence, strength)
		}
	}
	return r, nil
}

// proposeTempElsewhere moves the mount of a temp folder into memory after the refusal of a temp file in another folder: the open
// run had files of that name in the temp folder, which the application now leaves aside, as libraries do with a folder that
// everyone may write to and that lacks the sticky bit.
func proposeTempElsewhere(_ context.Context, f failure) (Proposal, error) {
	r := Proposal{Profile: f.cur}
	before := f.in.written()
	for _, e := range f.denied {
		if _, covered := f.cur.Covering(e.Path); covered || e.Source == diff.FromLogs || !diff.Random(path.Base(e.Path)) {
			continue
		}
		for _, m := range f.cur.Mounts {
			moved := func(o diff.Evidence) bool { return path.Dir(o.Path) == m.Path && namedAlike(o.Path, e.Path) }
			same := func(o diff.Evidence) bool { return path.Dir(o.Path) == path.Dir(e.Path) && namedAlike(o.Path, e.Path) }
			if IsTempFolder(m.Path) && m.Medium == profile.Disk && slices.ContainsFunc(before, moved) && !slices.ContainsFunc(before, same) {
				m.Medium = profile.Memory
				r.mount(m, "a disk emptyDir is 0777 without the sticky bit: the application makes its temp files elsewhere then; in memory it is 1777", e.String(), f.strength(e))
			}
		}
	}
	return r, nil
}

// namedAlike reports whether the names of two files are random and begin alike.
func namedAlike(a, b string) bool {
	const prefix = 3 // of the name that the application itself gives
	a, b = path.Base(a), path.Base(b)
	return len(a) > prefix && len(b) > prefix && a[:prefix] == b[:prefix] && diff.Random(a) && diff.Random(b)
}

// tempLine returns the first line that complains about temp folders or their modes; "" if there is none. A line that names
// only other folders does not count.
func tempLine(f failure) string {
	for _, l := range f.refused {
		if l.Temp && aboutTemp(l.Line) {
			return l.Line
		}
	}
	for l := range strings.Lines(f.logs) {
		if unsafe.MatchString(l) && aboutTemp(l) {
			return strings.TrimSpace(l)
		}
	}
	return ""
}

// aboutTemp reports whether a line names a temp folder, or no path at all.
func aboutTemp(line string) bool {
	paths := absolutePaths(line)
	return len(paths) == 0 || slices.ContainsFunc(paths, func(p string) bool {
		return slices.ContainsFunc(tempFolders, func(t string) bool { return profile.Within(p, t) })
	})
}

// proposeEverySticky moves the plain mounts whose folders are sticky in the image into memory: an emptyDir on disk is not
// sticky.
func proposeEverySticky(ctx context.Context, f failure) (Proposal, error) {
	r := Proposal{Profile: f.cur}
	for _, m := range f.cur.Mounts {
		e, ok, err := f.in.Tree.Lookup(ctx, m.Path)
		if err != nil {
			return r, fmt.Errorf("looking up %s in the image: %w", m.Path, err)
		}
		if ok && e.Mode&fs.ModeSticky != 0 && m.Kind == profile.Plain && m.Medium == profile.Disk {
			m.Medium = profile.Memory
			r.mount(m, "in the image the folder has the sticky bit; a disk emptyDir has none, one in memory does", noEvidence, Guess)
		}
	}
	return r, nil
}
