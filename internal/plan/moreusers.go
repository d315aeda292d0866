package plan

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
)

// MoreUsers returns further users to try for an image that declares root, after a run as the user tried failed. They are the
// owners of the files and folders that the logs name as refused and, if a group may read one, the same user with that group.
// If the application found no account for its uid, an account of the image comes first. The result is empty if the image does
// not declare root, and may name a user again.
func MoreUsers(ctx context.Context, in Input, tried UserChoice, run observe.Observation) ([]UserChoice, error) {
	declared, err := in.Users.Resolve(declaredUser(in))
	if err != nil || declared.UID != 0 {
		return nil, nil //nolint:nilerr // Users returns this error
	}
	_, refused := evidence(run, workingDir(in))
	var out candidates
	out.withAccount(in.Users, tried.User, run)
	for _, l := range refused {
		if l.Errno != "EACCES" || l.Path == "" {
			continue
		}
		e, ok, err := unreadableEntry(ctx, in.Tree, l.Path, tried.User)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		out.add(in.Users, e.UID, groupOfOwner(in.Users, e), fmt.Sprintf("owns %s, which the application reads; uid %d may not", e.Path, tried.User.UID))
		// A failed copy does not show that the application itself reads the file.
		if run.Failure.Path == "" && e.Mode.Perm()&0o040 != 0 && !inGroup(tried.User, e.GID) {
			u := tried
			u.User.Groups = append(slices.Clone(tried.User.Groups), e.GID)
			slices.Sort(u.User.Groups)
			u.Why = fmt.Sprintf("%s; group %d may read %s, as the application does", tried.Why, e.GID, e.Path)
			out = append(out, u)
		}
	}
	return out, nil
}

// nameless matches the messages of applications and libraries that found no entry for their uid in /etc/passwd.
var nameless = regexp.MustCompile(`(?i)getpwuid|get_passwd|no user exists for uid|user (?:with )?id \d+(?: does not exist|: user does not exist)|unknown user ?id|` +
	`find (?:a )?(?:name|user) for (?:user id )?\d+|no passwd entry|current user in the passwd|exist in the passwd|no (?:entry|account) for (?:the )?uid`)

// MissesAccount reports whether the logs or a failed command of a run say that the uid has no entry in /etc/passwd.
func MissesAccount(run observe.Observation) bool { return missedAccount(run) != "" }

// missedAccount returns the words that report a missing account; "" if there are none.
func missedAccount(run observe.Observation) string {
	return nameless.FindString(said(run.Logs, run.Commands))
}

// withAccount adds an account of the image if the tried user has none and the run reports that. It takes the account with the
// highest uid, which distributions reserve for nobody.
func (c *candidates) withAccount(users image.Users, tried profile.User, run observe.Observation) {
	if _, has := users.ByUID(tried.UID); has {
		return
	}
	best := image.Account{}
	for _, a := range users.Accounts {
		if a.UID > best.UID {
			best = a
		}
	}
	if line := missedAccount(run); line != "" {
		c.add(users, best.UID, best.GID, fmt.Sprintf("has an account in the image, which the application needs (%q) and uid %d lacks", line, tried.UID))
	}
}

// unreadableEntry returns the first entry that keeps a user from reading a path of the image: a parent directory or the file
// itself. It returns false if nothing does.
func unreadableEntry(ctx context.Context, tree image.Tree, at string, user profile.User) (image.Entry, bool, error) {
	at, err := image.Resolve(ctx, tree, at)
	switch {
	case errors.Is(err, image.ErrLoop):
		at = "/" // nothing is there
	case err != nil:
		return image.Entry{}, false, fmt.Errorf("resolving the refused path %s in the image: %w", at, err)
	}
	var way []string // from the path up
	for p := at; p != "/"; p = path.Dir(p) {
		way = append(way, p)
	}
	for _, p := range slices.Backward(way) {
		e, ok, err := tree.Lookup(ctx, p)
		if err != nil {
			return image.Entry{}, false, fmt.Errorf("looking up %s in the image: %w", p, err)
		}
		if ok && (e.Kind == image.Dir && !may(e, user, enter) || e.Kind == image.File && !may(e, user, read)) {
			return e, true, nil
		}
	}
	return image.Entry{}, false, nil
}
