package plan

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

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
