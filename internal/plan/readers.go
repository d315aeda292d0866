package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
)

// Readers are further users to try for an image that declares root, after a run failed as one that may not read what the
// application reads: the owners of the files and folders that the logs name as refused, and, where only a group may read
// one, the same user with that group. Each reads what was refused.
func Readers(ctx context.Context, in Input, tried UserChoice, run observe.Observation) ([]UserChoice, error) {
	declared, err := in.Users.Resolve(declaredUser(in))
	if err != nil || declared.UID != 0 {
		return nil, nil //nolint:nilerr // Users has told of it
	}
	_, refused := evidence(run, workingDir(in))
	var out candidates
	for _, l := range refused {
		if l.Errno != "EACCES" || l.Path == "" {
			continue
		}
		e, ok, err := barred(ctx, in.Tree, l.Path, tried.User)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		gid := e.GID
		if account, ok := in.Users.ByUID(e.UID); ok {
			gid = account.GID
		}
		out.add(in.Users, e.UID, gid, fmt.Sprintf("owns %s, which the application reads; uid %d may not", e.Path, tried.User.UID))
		// A copy that failed does not show that the application reads what could not be copied.
		if run.FailedSeed == "" && e.Mode.Perm()&0o040 != 0 && !inGroup(tried.User, e.GID) {
			u := tried
			u.User.Groups = append(slices.Clone(tried.User.Groups), e.GID)
			slices.Sort(u.User.Groups)
			u.Why = fmt.Sprintf("%s; group %d may read %s, as the application does", tried.Why, e.GID, e.Path)
			out = append(out, u)
		}
	}
	return out, nil
}

// barred finds what keeps a user from reading a path of the image: a folder on the way, or the file itself.
func barred(ctx context.Context, tree image.Tree, at string, user profile.User) (image.Entry, bool, error) {
	at, err := image.Resolve(ctx, tree, at)
	if errors.Is(err, image.ErrLoop) {
		return image.Entry{}, false, nil
	}
	if err != nil {
		return image.Entry{}, false, fmt.Errorf("resolving what was refused in the image: %w", err)
	}
	for i := 1; i <= len(at); i++ {
		if i < len(at) && at[i] != '/' {
			continue
		}
		e, ok, err := tree.Lookup(ctx, at[:i])
		if err != nil {
			return image.Entry{}, false, fmt.Errorf("looking up %s in the image: %w", at[:i], err)
		}
		if ok && (e.Kind == image.Dir && !may(e, user, enter) || e.Kind == image.File && !may(e, user, read)) {
			return e, true, nil
		}
	}
	return image.Entry{}, false, nil
}
