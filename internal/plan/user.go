package plan

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
)

// Unprivileged is the uid and gid for an image that names no user. Distroless images use the number for "nonroot"; nothing
// depends on it.
const Unprivileged = 65532

// UserChoice is one candidate for the user, with the reason for it.
type UserChoice struct {
	User profile.User
	Name string // the account's name; empty if it has none
	Why  string
}

// Users returns the users to try, best first, each once, never root. If the image declares a non-root user, that is the only
// one. Otherwise they are the user that the main process dropped to, then those that other processes ran or wrote as, then
// those that files are given to, then the owners of the written folders, then those that the image's files name, then
// Unprivileged: a file may belong to a program of the image that does not run. Users fails if the declared user cannot be
// resolved in the image, or if the tree of the image cannot be read.
func Users(ctx context.Context, in Input) ([]UserChoice, error) {
	declared := declaredUser(in)
	r, err := in.Users.Resolve(declared)
	if err != nil {
		return nil, fmt.Errorf("resolving the user %q in the image: %w", declared, err)
	}
	if r.UID != 0 {
		return []UserChoice{{User: profile.User{UID: r.UID, GID: r.GID, Groups: r.Groups}, Name: r.Name, Why: declaredWhy(declared, r)}}, nil
	}
	var out candidates
	for _, main := range []bool{true, false} {
		for _, p := range in.Open.Processes {
			if p.Main == main {
				out.add(in.Users, p.UID, p.GID, processWhy(p))
			}
		}
	}
	for _, w := range in.Open.Writes { // a process may live only for the length of one request
		if !w.Exec {
			out.add(in.Users, w.UID, w.GID, fmt.Sprintf("is what the process %s ran as when it wrote %s", w.Command, w.Path))
		}
	}
	for _, p := range in.Open.Trace.Identities {
		out.add(in.Users, p.UID, p.GID, fmt.Sprintf("is what the process %s became", p.Command))
	}
	for _, w := range in.Open.Writes {
		if w.Outcome == observe.Allowed && !w.Exec {
			out.add(in.Users, w.Owner, groupOfOwner(in.Users, image.Entry{UID: w.Owner, GID: w.Owner}), "is who the application gives "+w.Path+" to")
		}
	}
	owners, err := ownersOfWritten(ctx, in)
	if err != nil {
		return nil, err
	}
	for _, o := range owners {
		out.add(in.Users, o.UID, groupOfOwner(in.Users, o), fmt.Sprintf("owns %s, which the application writes; the image itself declares root", o.Path))
	}
	for _, c := range in.Advised {
		out.advised(c)
	}
	out.add(in.Users, Unprivileged, Unprivileged, "the image declares root and names no other user: a fixed unprivileged uid")
	return out, nil
}

// declaredUser returns the user of the open run: the target's, else the image's.
func declaredUser(in Input) string { return cmp.Or(in.Target.User, in.Facts.Config.Config.User) }

// groupOfOwner returns the group of the owner's account, else that of the entry: `chown USER` leaves the group to root.
func groupOfOwner(users image.Users, e image.Entry) int64 {
	if account, ok := users.ByUID(e.UID); ok {
		return account.GID
	}
	return e.GID
}

type candidates []UserChoice

func (c *candidates) add(users image.Users, uid, gid int64, why string) {
	if uid <= 0 || slices.ContainsFunc(*c, func(u UserChoice) bool { return u.User.UID == uid }) {
		return
	}
	u := UserChoice{User: profile.User{UID: uid, GID: gid}, Why: fmt.Sprintf("uid %d %s", uid, why)}
	if r, err := users.Resolve(fmt.Sprintf("%d:%d", uid, gid)); err == nil {
		u.User.Groups, u.Name = r.Groups, r.Name
		if r.Name != "" {
			u.Why = fmt.Sprintf("uid %d (%s) %s", uid, r.Name, why)
		}
	}
	*c = append(*c, u)
}

// advised adds a user that the image's files name: as a candidate, or as further evidence for an existing one.
func (c *candidates) advised(u UserChoice) {
	if u.User.UID <= 0 {
		return
	}
	for i := range *c {
		if (*c)[i].User.UID == u.User.UID {
			(*c)[i].Why += "; " + u.Why
			return
		}
	}
	u.Why = fmt.Sprintf("uid %d: %s", u.User.UID, u.Why)
	*c = append(*c, u)
}

func declaredWhy(declared string, r image.Resolved) string {
	switch {
	case !r.Numeric:
		return fmt.Sprintf("USER %s is %d:%d in the image's /etc/passwd; a kubelet refuses a name under runAsNonRoot", declared, r.UID, r.GID)
	case r.GroupGiven:
		return fmt.Sprintf("USER %s; a kubelet would not take over the group by itself", declared)
	case r.InPasswd:
		return fmt.Sprintf("USER %s, with its group %d from /etc/passwd", declared, r.GID)
	default:
		return fmt.Sprintf("USER %s has no entry in /etc/passwd, so its group is 0", declared)
	}
}

func processWhy(p observe.Process) string {
	if p.Main {
		return fmt.Sprintf("is what the entrypoint drops to: the main process (%s) ran as it, though the image declares root", p.Command)
	}
	return fmt.Sprintf("is what the process %s drops to; the main process stays root", p.Command)
}

// ownersOfWritten returns the image's entries of the written folders with a non-root owner, most written first.
func ownersOfWritten(ctx context.Context, in Input) ([]image.Entry, error) {
	folding, err := diff.Fold(ctx, in.written(), in.Tree, Volumes(in.Facts))
	if err != nil {
		return nil, err
	}
	folders := folding.Folders
	slices.SortStableFunc(folders, func(a, b diff.Folder) int { return cmp.Compare(len(b.Evidence), len(a.Evidence)) })
	var out []image.Entry
	for _, f := range folders {
		e, _, err := in.Tree.Lookup(ctx, f.Path)
		if err != nil {
			return nil, fmt.Errorf("looking up %s in the image: %w", f.Path, err)
		}
		if e.UID != 0 {
			out = append(out, e)
		}
	}
	return out, nil
}
