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

// busy matches the words for EBUSY, with which the kernel refuses to remove or rename a mount point.
var busy = regexp.MustCompile(`(?i)resource busy|\bEBUSY\b|errno 16\b`)

// proposeBusy mounts the parent directory in place of a folder that the application could not remove or rename because it was
// a mount point.
func proposeBusy(ctx context.Context, f failure) (Proposal, error) {
	r := Proposal{Profile: f.cur}
	for _, m := range f.cur.Mounts {
		evidence, strength := busyEvidence(f, m)
		if evidence == "" || f.fixed(m) || path.Dir(m.Path) == "/" {
			continue
		}
		parent, err := diff.Inspect(ctx, path.Dir(m.Path), f.in.Tree)
		if err != nil {
			return r, err
		}
		if parent.Content == diff.Filled && systemFolder(parent.Path) {
			continue
		}
		parent.Why = fmt.Sprintf("the application removes or renames %s, which the kernel refuses for a mount point", m.Path)
		r.Profile = f.withoutBelow(r.Profile, parent.Path)
		if _, mounted := r.Profile.Mount(parent.Path); mounted {
			r.blameMount(parent.Path, parent.Why, evidence, strength)
		} else if err := r.mountFolder(ctx, f, parent, evidence, strength); err != nil {
			return r, err
		}
	}
	return r, nil
}

// busyEvidence returns the evidence that the application could not remove or rename the folder of a mount; "" if there is none.
func busyEvidence(f failure, m profile.Mount) (string, Strength) {
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
