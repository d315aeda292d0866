package advise

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/advise/dockerfile"
	"github.com/podseal/podseal/internal/advise/launch"
	"github.com/podseal/podseal/internal/image"
)

// BaseFacts reads of an image what matters for Dockerfiles that begin with it: its USER, its accounts, and how users are
// made there.
func BaseFacts(ctx context.Context, facts image.Facts, tree image.Tree) (dockerfile.Base, error) {
	c := facts.Config.Config
	users, err := image.ReadUsers(ctx, tree)
	if err != nil {
		return dockerfile.Base{}, err
	}
	b := dockerfile.Base{User: &c.User, Accounts: map[string]string{}, Env: map[string]string{}}
	for _, kv := range c.Env {
		name, value, _ := strings.Cut(kv, "=")
		b.Env[name] = value
	}
	b.Ports = slices.Sorted(maps.Keys(c.ExposedPorts))
	var made []string
	for _, acct := range users.Accounts {
		if _, ok := b.Accounts[acct.Name]; !ok {
			b.Accounts[acct.Name] = fmt.Sprintf("%d:%d", acct.UID, acct.GID)
		}
		if acct.UID >= 1000 && acct.UID < 60000 {
			made = append(made, acct.Name)
		}
	}
	nonroot, ok := users.ByUID(FallbackID)
	switch {
	case ok:
		b.Prefer = nonroot.Name
	case len(made) == 1: // of several, none is known to be the one for applications
		b.Prefer = made[0]
	}
	if b.Family, err = family(ctx, facts, tree); err != nil {
		return b, err
	}
	b.Drops, err = dropsTo(ctx, facts, tree, users)
	return b, err
}

// dropsTo returns the user that the image's own entrypoint becomes; empty if it stays who it is.
func dropsTo(ctx context.Context, facts image.Facts, tree image.Tree, users image.Users) (string, error) {
	c := facts.Config.Config
	r := launch.Reader{Tree: tree, Users: users, Env: launch.Environ(c.Env), Dir: c.WorkingDir}
	start, err := r.Follow(ctx, slices.Concat(c.Entrypoint, c.Cmd), launch.Evidence{Where: "config"})
	if err != nil {
		return "", err
	}
	for _, d := range start.Drops {
		if got, err := users.Resolve(d.User); d.Whole && err == nil && got.UID != 0 {
			return d.User, nil
		}
	}
	return "", nil
}

// family returns the tools by which an image can make users.
func family(ctx context.Context, facts image.Facts, tree image.Tree) (dockerfile.Family, error) {
	if facts.Config.OS == "windows" {
		return dockerfile.Windows, nil
	}
	has := map[string]bool{}
	for _, name := range []string{"sh", "useradd", "adduser", "busybox"} {
		_, ok, err := image.HasProgram(ctx, tree, name, "")
		if err != nil {
			return "", fmt.Errorf("looking for %s: %w", name, err)
		}
		has[name] = ok
	}
	redhat, err := likeRedHat(ctx, tree)
	switch {
	case err != nil:
		return "", err
	case !has["sh"]:
		return dockerfile.Distroless, nil
	case has["useradd"] && redhat:
		return dockerfile.RedHat, nil
	case has["useradd"]:
		return dockerfile.Debian, nil
	case has["adduser"] && has["busybox"]:
		return dockerfile.Alpine, nil
	default:
		return dockerfile.Minimal, nil
	}
}

func likeRedHat(ctx context.Context, tree image.Tree) (bool, error) {
	data, err := tree.ReadFile(ctx, "/etc/os-release")
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading /etc/os-release: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if name == "ID" || name == "ID_LIKE" {
			for _, id := range strings.Fields(strings.Trim(value, `"'`)) {
				if id == "rhel" || id == "fedora" || id == "centos" {
					return true, nil
				}
			}
		}
	}
	return false, nil
}
