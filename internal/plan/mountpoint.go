package plan

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/profile"
)

// busy finds that something was refused since a file system is mounted there.
var busy = regexp.MustCompile(`(?i)resource busy|\bEBUSY\b|errno 16\b`)

// proposeBusy answers an application that removes or renames a folder at its start, and meets the mount point there: the
// folder above is mounted in its place, in which it can.
func proposeBusy(ctx context.Context, f failure) (Proposal, error) {
	r := Proposal{Profile: f.cur}
	for _, m := range f.cur.Mounts {
		sign, strength := busySign(f, m)
		given, is := f.in.Target.GivenMount(m.Path)
		if sign == "" || m.Volume || is && given.Path == m.Path || path.Dir(m.Path) == "/" {
			continue
		}
		above, err := diff.Inspect(ctx, path.Dir(m.Path), f.in.Tree)
		if err != nil {
			return r, err
		}
		if above.Content == diff.Filled && systemFolder(above.Path) {
			continue
		}
		above.Why = fmt.Sprintf("the application removes or renames %s, which a mount there would not let it", m.Path)
		r.Profile = f.withoutBelow(r.Profile, above.Path)
		if _, mounted := r.Profile.Mount(above.Path); mounted {
			r.blameMount(above.Path, above.Why, sign, strength)
		} else if err := r.mountFolder(ctx, f, above, sign, strength); err != nil {
			return r, err
		}
	}
	return r, nil
}

// busySign is what says that the application could not remove or rename the folder of a mount; empty when nothing does.
func busySign(f failure, m profile.Mount) (string, Strength) {
	for _, w := range f.run.Writes {
		if w.Errno == "EBUSY" && (w.Path == m.Path || w.To == m.Path) {
			return fmt.Sprintf("EBUSY %s of %s (%s, uid %d)", w.Call, m.Path, w.Command, w.UID), f.cap(FromTrace)
		}
	}
	for l := range strings.Lines(f.logs) {
		if at := strings.Index(l, m.Path); at >= 0 && busy.MatchString(l) && !strings.HasPrefix(l[at+len(m.Path):], "/") {
			return strings.TrimSpace(l), f.cap(FromLog)
		}
	}
	return "", Guess
}
