package advise

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/podseal/podseal/internal/advise/launch"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/termtext"
)

const (
	scanLimit  = 1_000_000 // entries of an image that are listed
	shownFiles = 5         // files that a finding names
)

// partlyRead is a tree that knows how many of its layers were read already.
type partlyRead interface{ LayersRead() (read, all int) }

// free reports whether reading the whole tree costs nothing more, because all of it was read.
func (a *analysis) free() bool {
	t, ok := a.tree.(partlyRead)
	if !ok {
		return false
	}
	read, all := t.LayersRead()
	return read == all
}

// scan inspects all files: setuid programs and file capabilities.
func (a *analysis) scan(ctx context.Context) error {
	if !a.opts.Scan && !a.free() {
		a.note("setuid files, file capabilities and owners were not inspected, since that takes reading all layers (--deep does)")
		return nil
	}
	entries, more, err := a.tree.List(ctx, "/", scanLimit)
	if err != nil {
		return fmt.Errorf("listing the image's files: %w", err)
	}
	if more {
		a.note("the image has more than %d files; the others were not inspected", scanLimit)
	}
	var setuid, caps []Evidence
	for _, e := range entries {
		if e.Kind != image.File {
			continue
		}
		if e.Mode&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
			setuid = append(setuid, Evidence{Where: e.Path, Text: fmt.Sprintf("%v %d:%d", e.Mode, e.UID, e.GID)})
		}
		if e.Caps != "" {
			caps = append(caps, Evidence{Where: e.Path, Text: capNames(e.Caps)})
		}
	}
	if len(setuid) > 0 {
		a.find(IDSetuid, fmt.Sprintf("%s with setuid or setgid: allowPrivilegeEscalation: false makes them harmless, and a program that needs one fails",
			termtext.Count(len(setuid), "file")), some(setuid)...)
	}
	a.fileCaps(ctx, caps)
	return nil
}

func (a *analysis) fileCaps(ctx context.Context, caps []Evidence) {
	if len(caps) == 0 {
		return
	}
	says := fmt.Sprintf("%s with file capabilities: with all capabilities dropped they do not even start", termtext.Count(len(caps), "file"))
	for _, p := range a.programs {
		real, err := image.Resolve(ctx, a.tree, p.Path)
		i := slices.IndexFunc(caps, func(e Evidence) bool { return e.Where == real })
		if err == nil && i >= 0 {
			says = fmt.Sprintf("the application's program %s has file capabilities: with all capabilities dropped it does not even start, "+
				"so add %s back or copy it without them", real, caps[i].Text)
		}
	}
	a.find(IDFileCaps, says, some(caps)...)
}

func some(all []Evidence) []Evidence {
	if len(all) <= shownFiles {
		return all
	}
	return append(slices.Clone(all[:shownFiles]), Evidence{Where: fmt.Sprintf("and %d more", len(all)-shownFiles)})
}

// settle adds the findings about the chosen user and the base image, and the ways out.
func (a *analysis) settle(ctx context.Context) error {
	for _, step := range []func(context.Context) error{a.ports, a.volumes, a.home, baseSearch{a}.find} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	a.r.Ways = waysOf(a.r, a.opts)
	return nil
}

func (a *analysis) ports(context.Context) error {
	var low []int
	for p := range a.facts.Config.Config.ExposedPorts {
		number, _, _ := strings.Cut(p, "/")
		if n, err := strconv.Atoi(number); err == nil && n > 0 && n < 1024 {
			low = append(low, n)
		}
	}
	slices.Sort(low)
	for _, n := range low {
		a.find(IDLowPort, fmt.Sprintf("port %d is below 1024: not every runtime lets a non-root user listen there "+
			"(containerd 2, k3s and Docker do, CRI-O and containerd 1 do not); the pod sysctl net.ipv4.ip_unprivileged_port_start=0 does everywhere", n),
			Evidence{Where: "config", Text: fmt.Sprintf("EXPOSE %d", n)})
	}
	return nil
}

// costly reports whether looking up a path may cost layers that no other answer needed.
func (a *analysis) costly() bool {
	_, lazy := a.tree.(partlyRead)
	return lazy && !a.free() && !a.opts.Scan
}

func (a *analysis) volumes(ctx context.Context) error {
	if a.costly() {
		return nil
	}
	for _, v := range sortedKeys(a.facts.Config.Config.Volumes) {
		e, ok, err := a.lookup(ctx, v)
		if err != nil {
			return fmt.Errorf("looking up volume %s: %w", v, err)
		}
		where := Evidence{Where: "config", Text: "VOLUME " + v}
		switch {
		case !ok:
			a.find(IDVolume, fmt.Sprintf("volume %s is not in the image: runtimes differ in who owns it, so mount something there", v), where)
		case !Writable(e, a.r.User):
			a.find(IDOwner, fmt.Sprintf("volume %s belongs to %d:%d (%v): uid %d cannot write to what Docker or a claim copies of it",
				v, e.UID, e.GID, e.Mode.Perm(), a.r.User.UID), where)
		default:
			a.find(IDVolume, fmt.Sprintf("volume %s is writable for uid %d in the image; in a pod mount something there", v, a.r.User.UID), where)
		}
	}
	return nil
}

// Writable reports whether a user may create files in a folder of an image, by its owner and mode.
func Writable(e image.Entry, u profile.User) bool {
	switch {
	case u.UID == 0:
		return true
	case e.UID == u.UID:
		return e.Mode&0o200 != 0
	case e.GID == u.GID || slices.Contains(u.Groups, e.GID):
		return e.Mode&0o020 != 0
	default:
		return e.Mode&0o002 != 0
	}
}

// home adds a finding where the user cannot use its home.
func (a *analysis) home(ctx context.Context) error {
	if a.costly() {
		return nil
	}
	home, from := a.env["HOME"], "ENV HOME"
	if home == "" {
		acct, ok := a.users.ByUID(a.r.User.UID)
		if home, from = acct.Home, "/etc/passwd"; !ok || home == "" {
			home, from = "/", "no account"
		}
	}
	e, ok, err := a.lookup(ctx, home)
	if err != nil {
		return fmt.Errorf("looking up home %s: %w", home, err)
	}
	where := Evidence{Where: from, Text: home}
	switch {
	case !ok:
		a.find(IDHome, fmt.Sprintf("HOME of uid %d is %s, which the image does not have: set HOME to a writable folder if the application uses it",
			a.r.User.UID, home), where)
	case !Writable(e, a.r.User):
		a.find(IDHome, fmt.Sprintf("HOME of uid %d is %s, which it cannot write to: set HOME to a writable folder if the application uses it",
			a.r.User.UID, home), where)
	}
	return nil
}

// ownersOrFallback finds a user where nothing names one: who owns the folders that it will write, else an account that
// the image has for it, else the usual non-root id.
func (a *analysis) ownersOrFallback(ctx context.Context) error {
	c := a.facts.Config.Config
	dirs := sortedKeys(c.Volumes)
	if c.WorkingDir != "" {
		dirs = append(dirs, c.WorkingDir)
	}
	for _, dir := range dirs {
		e, ok, err := a.lookup(ctx, dir)
		if err != nil {
			return fmt.Errorf("looking for the owner of %s: %w", dir, err)
		}
		if ok && e.UID != 0 {
			r := image.Resolved{UID: e.UID, GID: e.GID}
			if found, err := a.users.Resolve(strconv.FormatInt(e.UID, 10)); err == nil && found.InPasswd {
				r = found
			}
			a.setUser(r, FromOwner, fmt.Sprintf("uid %d owns %s", e.UID, dir))
			a.evidence(Evidence{Where: dir, Text: fmt.Sprintf("owner %d:%d", e.UID, e.GID)})
			return nil
		}
	}
	if acct, ok := likelyAccount(a.users, a.programs); ok {
		if r, err := a.users.Resolve(acct.Name); err == nil {
			a.setUser(r, FromAccount, fmt.Sprintf("a guess: the image has the account %s, uid %d, and nothing else names a user", acct.Name, acct.UID))
			return nil
		}
	}
	a.setUser(image.Resolved{UID: FallbackID, GID: FallbackID}, FromNothing, fmt.Sprintf("nothing in the image asks for another one than the usual non-root uid %d", FallbackID))
	return nil
}

// likelyAccount returns the account named like the program, else the only account that is for people or applications.
func likelyAccount(users image.Users, programs []launch.Program) (image.Account, bool) {
	for _, p := range programs {
		name := path.Base(p.Path)
		for _, acct := range users.Accounts {
			if acct.UID != 0 && (acct.Name == name || acct.Name+"d" == name) {
				return acct, true
			}
		}
	}
	var made []image.Account
	for _, acct := range users.Accounts {
		if acct.UID >= 1000 && acct.UID < 60000 || acct.UID == FallbackID {
			made = append(made, acct)
		}
	}
	if len(made) == 1 {
		return made[0], true
	}
	return image.Account{}, false
}

func sortedKeys[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
