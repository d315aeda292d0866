package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// The errors of Users.Resolve.
var (
	// ErrNoUser reports a user name that the image's /etc/passwd does not have.
	ErrNoUser = errors.New("no such user in the image's /etc/passwd")
	// ErrNoGroup reports a group name that the image's /etc/group does not have.
	ErrNoGroup = errors.New("no such group in the image's /etc/group")
	// ErrIDRange reports a numeric id that no runtime accepts.
	ErrIDRange = errors.New("the id is outside 0 to 2147483647")
)

// Users are the accounts and groups of an image.
type Users struct {
	Accounts []Account
	Groups   []Group
}

// Resolved is the meaning of a USER string in an image.
type Resolved struct {
	UID    int64
	GID    int64
	Groups []int64 // supplementary groups as a kubelet merges them, sorted, without GID
	Name   string  // the account's name; empty when the uid has no account
	Home   string  // the account's home; empty when the uid has no account

	Numeric    bool // the user part is a number: what the kubelet demands under runAsNonRoot
	GroupGiven bool // the string has a group part
	InPasswd   bool // the uid has an account
}

// ReadUsers reads the accounts and groups of an image. Images without /etc/passwd or /etc/group have none. A file that is
// larger than Tree.ReadFile returns is an error, since the missing lines may decide.
func ReadUsers(ctx context.Context, tree Tree) (Users, error) {
	if p, ok := tree.(Preloader); ok {
		p.Preload(ctx, "/etc", "group", "passwd")
	}
	passwd, err := readOptional(ctx, tree, "/etc/passwd")
	if err != nil {
		return Users{}, err
	}
	group, err := readOptional(ctx, tree, "/etc/group")
	if err != nil {
		return Users{}, err
	}
	return Users{Accounts: ParsePasswd(passwd), Groups: ParseGroup(group)}, nil
}

func readOptional(ctx context.Context, tree Tree, path string) ([]byte, error) {
	data, err := tree.ReadFile(ctx, path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading %s of the image: %w", path, err)
	}
	if len(data) >= MaxRead {
		return nil, fmt.Errorf("reading %s of the image: it has %d bytes or more, and podseal reads only the first ones: remove the accounts that the application does not need", path, MaxRead)
	}
	return data, nil
}

// ByName returns the first account of that name.
func (u Users) ByName(name string) (Account, bool) {
	return first(u.Accounts, func(a Account) bool { return a.Name == name })
}

// ByUID returns the first account of that uid: the one that runtimes take where several share it.
func (u Users) ByUID(uid int64) (Account, bool) {
	return first(u.Accounts, func(a Account) bool { return a.UID == uid })
}

// GroupByName returns the first group of that name.
func (u Users) GroupByName(name string) (Group, bool) {
	return first(u.Groups, func(g Group) bool { return g.Name == name })
}

// Resolve returns the meaning of a USER string ("", "name", "uid", "name:group", "uid:gid" and their mixtures) by the rules
// of runc: a number is always an id; an unknown uid has gid 0 unless a group is given; an unknown name is an error
// (ErrNoUser, ErrNoGroup). The supplementary groups are those of a kubelet: the groups of /etc/group that list the
// user, also when a group is given, when Docker alone would drop them.
func (u Users) Resolve(user string) (Resolved, error) {
	name, group, _ := strings.Cut(user, ":")
	r, err := u.resolveUser(name)
	if err != nil {
		return Resolved{}, fmt.Errorf("resolving user %q: %w", user, err)
	}
	if group != "" {
		r.GroupGiven = true
		if r.GID, err = u.resolveGroup(group); err != nil {
			return Resolved{}, fmt.Errorf("resolving group of user %q: %w", user, err)
		}
	}
	r.Groups = u.supplementary(r.Name, r.GID)
	return r, nil
}

func (u Users) resolveUser(name string) (Resolved, error) {
	var r Resolved
	var a Account
	if name == "" {
		a, r.InPasswd = u.ByUID(0)
	} else if id, err := strconv.ParseInt(name, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		if err != nil || id < 0 || id > maxID {
			return Resolved{}, ErrIDRange
		}
		r.UID, r.Numeric = id, true
		a, r.InPasswd = u.ByUID(id)
	} else if a, r.InPasswd = u.ByName(name); !r.InPasswd {
		return Resolved{}, ErrNoUser
	}
	if r.InPasswd {
		r.UID, r.GID, r.Name, r.Home = a.UID, a.GID, a.Name, a.Home
	}
	return r, nil
}

func (u Users) resolveGroup(group string) (int64, error) {
	id, err := strconv.ParseInt(group, 10, 64)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		if err != nil || id < 0 || id > maxID {
			return 0, ErrIDRange
		}
		return id, nil
	}
	g, ok := u.GroupByName(group)
	if !ok {
		return 0, ErrNoGroup
	}
	return g.GID, nil
}

// supplementary returns the groups that list the user, as containerd merges them: the group of the user's own name is
// taken for the primary one and left out.
func (u Users) supplementary(name string, gid int64) []int64 {
	var out []int64
	if name == "" {
		return nil
	}
	for _, g := range u.Groups {
		if g.GID != gid && g.Name != name && slices.Contains(g.Members, name) {
			out = append(out, g.GID)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func first[T any](all []T, is func(T) bool) (T, bool) {
	if i := slices.IndexFunc(all, is); i >= 0 {
		return all[i], true
	}
	var none T
	return none, false
}
