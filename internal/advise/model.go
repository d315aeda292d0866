package advise

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/advise/launch"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
)

// Options are what is wanted of Image.
type Options struct {
	// Catalog holds the alternatives that may be named; the zero value names none.
	Catalog Catalog
	// Scan reads the whole tree for setuid files, capabilities and owners even where that means reading layers that
	// the other answers did not need.
	Scan bool
	// Known lists images whose layers identify the base image; nil if there are none.
	Known func(ctx context.Context) ([]image.Stack, error)
	// RunAsUser and RunAsGroup are what a manifest already sets; nil if it does not.
	RunAsUser, RunAsGroup *int64
}

// analysis holds what is known of one image while its report is made.
type analysis struct {
	facts image.Facts
	tree  image.Tree
	users image.Users
	env   map[string]string
	dir   string
	opts  Options
	r     Report

	programs []launch.Program // that the start leads to
}

// Image makes the report on one image.
func Image(ctx context.Context, facts image.Facts, tree image.Tree, opts Options) (Report, error) {
	c := facts.Config.Config
	a := &analysis{facts: facts, tree: tree, env: map[string]string{}, dir: path.Join("/", c.WorkingDir), opts: opts}
	maps.Copy(a.env, launch.Environ(c.Env))
	a.r = Report{Image: facts.Ref, Digest: facts.Digest, Platform: facts.Platform, Declared: c.User}
	if facts.Config.OS == "windows" {
		a.r.Model, a.r.Why = UnknownModel, "it is a Windows image: runAsUser does not apply there"
		a.r.Ways = []Way{{
			Kind: Pin, Says: "name the user in the manifest", Cost: "none",
			Snippet: "securityContext:\n  windowsOptions:\n    runAsUserName: " + windowsUser(c.User),
		}}
		return a.r, nil
	}
	for _, step := range []func(context.Context) error{a.index, a.model, a.pinned, a.scan, a.settle} {
		if err := step(ctx); err != nil {
			return Report{}, fmt.Errorf("advising on %s: %w", facts.Ref, err)
		}
	}
	return a.r, nil
}

func windowsUser(user string) string {
	if user == "" {
		return "ContainerUser"
	}
	return user
}

func (a *analysis) reader() launch.Reader {
	return launch.Reader{Tree: a.tree, Users: a.users, Env: a.env, Dir: a.dir}
}

// lookup returns the entry at a path, symbolic links followed.
func (a *analysis) lookup(ctx context.Context, at string) (image.Entry, bool, error) {
	return a.reader().Lookup(ctx, at)
}

// model finds the privilege model and the user. A numeric USER needs no file of the image, which may cost layers.
func (a *analysis) model(ctx context.Context) error {
	user := a.r.Declared
	where := Evidence{Where: "config", Text: "USER " + user}
	if user == "" {
		where.Text = "no USER"
	}
	a.r.Evidence = []Evidence{where}
	if r, _ := (image.Users{}).Resolve(user); r.UID != 0 && a.costly() { // by its number: no account is known here
		a.r.Model, a.r.Why = NonRoot, "it declares a numeric non-root user"
		a.setUser(r, FromUser, "USER is "+user)
		if !r.GroupGiven {
			a.note("the group of uid %d was not looked up, since that takes reading layers (--deep does)", r.UID)
		}
		return nil
	}
	users, err := image.ReadUsers(ctx, a.tree)
	if err != nil {
		return err
	}
	a.users = users
	r, err := users.Resolve(user)
	switch {
	case errors.Is(err, image.ErrNoUser) || errors.Is(err, image.ErrNoGroup) || errors.Is(err, image.ErrIDRange):
		return a.missing(ctx, user, err)
	case err != nil:
		return err
	case r.UID == 0:
		return a.root(ctx)
	}
	a.setUser(r, FromUser, fmt.Sprintf("USER %s is uid %d", user, r.UID))
	if !r.Numeric {
		a.r.Model = NamedUser
		a.r.Why = fmt.Sprintf("it declares the user by name: the kubelet cannot verify that %q is not root and refuses it under runAsNonRoot", user)
		a.evidence(passwdLine(ctx, a.tree, r.Name))
		a.find(IDNamedUser, "the user is declared by name", where)
		return nil
	}
	a.r.Model, a.r.Why = NonRoot, "it declares a numeric non-root user"
	a.accountFindings(r)
	return nil
}

func (a *analysis) accountFindings(r image.Resolved) {
	if !r.InPasswd {
		a.find(IDNoAccount, fmt.Sprintf("uid %d has no account in /etc/passwd: programs that ask for their own name or home fail", r.UID))
	}
	if r.GID == 0 {
		a.find(IDRootGroup, fmt.Sprintf("uid %d runs with group 0, the root group", r.UID))
	}
}

// missing judges a USER that the image does not have.
func (a *analysis) missing(ctx context.Context, user string, why error) error {
	a.r.Model, a.r.Why = MissingUser, fmt.Sprintf("it declares %q, which cannot be resolved: %v", user, why)
	a.find(IDMissingUser, a.r.Why, a.r.Evidence...)
	return a.ownersOrFallback(ctx)
}

// root follows the start of an image that begins as root.
func (a *analysis) root(ctx context.Context) error {
	c := a.facts.Config.Config
	a.find(IDRoot, "it starts as root where the manifest does not say otherwise", a.r.Evidence...)
	argv := append(slices.Clone(c.Entrypoint), c.Cmd...)
	start, err := a.reader().Follow(ctx, argv, launch.CommandAt("config", 0, strings.Join(argv, " ")))
	if err != nil {
		return err
	}
	a.programs = start.Programs
	for _, d := range start.Drops {
		if r, known := a.resolveDrop(d); d.Whole && (!known || r.UID != 0) {
			return a.dropped(ctx, d, r, known)
		}
	}
	leaves, err := a.reader().Leaves(ctx, start.Programs)
	if err != nil {
		return err
	}
	return a.stays(ctx, leaves, start.Drops)
}

func (a *analysis) resolveDrop(d launch.Drop) (image.Resolved, bool) {
	r, err := a.users.Resolve(d.User)
	return r, err == nil
}

func (a *analysis) dropped(ctx context.Context, d launch.Drop, r image.Resolved, known bool) error {
	a.r.Model = RootDrops
	a.r.Why = fmt.Sprintf("it starts as root, and its entrypoint becomes %s by %s before the application starts", d.User, d.Tool)
	a.evidence(d.Where)
	says := "the entrypoint drops root by itself: started as another user it goes on as that one"
	if !d.Guarded {
		a.r.fixedDrop = d.Tool
		says = fmt.Sprintf("the entrypoint calls %s whoever runs it, which fails for a non-root user", d.Tool)
	}
	a.find(IDRootDrops, says, d.Where)
	if !known {
		a.note("the user %q of the entrypoint could not be resolved from the image's files", d.User)
		return a.ownersOrFallback(ctx)
	}
	a.setUser(r, FromEntrypoint, fmt.Sprintf("the entrypoint drops to %s, uid %d", d.User, r.UID))
	a.evidence(passwdLine(ctx, a.tree, r.Name))
	return nil
}

// stays judges an image whose first process stays root: its workers drop it, or nothing does.
func (a *analysis) stays(ctx context.Context, leaves []launch.Leaf, partial []launch.Drop) error {
	var by *launch.Drop
	drop := slices.IndexFunc(leaves, func(l launch.Leaf) bool { return l.By != nil })
	stay := slices.IndexFunc(leaves, func(l launch.Leaf) bool { return l.By == nil })
	if drop != -1 {
		by = leaves[drop].By
	}
	if by != nil && stay == -1 {
		a.r.Model = RootWorkers
		a.r.Why = fmt.Sprintf("it starts as root; the application's own setting names %s for its workers, the first process may stay root", by.User)
		a.find(IDRootWorkers, "the application drops root for its workers by its own setting", by.Where)
	} else {
		a.r.Model, a.r.Why = Root, "it starts as root, and nothing in its entrypoint or in its settings changes that"
		if by != nil {
			a.r.Why = fmt.Sprintf("it starts as root; %s drops to another user, but %s does not", path.Base(leaves[drop].Program.Argv[0]), leaves[stay].Program.Argv[0])
		}
		a.find(IDNeverDrops, "the application runs as root", startEvidence(leaves, stay)...)
	}
	if by != nil {
		a.evidence(by.Where)
		if r, ok := a.resolveDrop(*by); ok {
			a.setUser(r, FromSetting, fmt.Sprintf("the application's setting names %s, uid %d", by.User, r.UID))
			a.evidence(passwdLine(ctx, a.tree, r.Name))
			return nil
		}
	}
	for _, d := range partial {
		if r, ok := a.resolveDrop(d); ok && r.UID != 0 {
			a.evidence(d.Where)
			a.setUser(r, FromEntrypoint, fmt.Sprintf("the entrypoint runs some commands as %s, uid %d", d.User, r.UID))
			return nil
		}
	}
	return a.ownersOrFallback(ctx)
}

func startEvidence(leaves []launch.Leaf, stay int) []Evidence {
	if stay == -1 {
		return nil
	}
	return []Evidence{leaves[stay].Program.Where}
}

// pinned takes the user that a manifest sets into account.
func (a *analysis) pinned(context.Context) error {
	if a.opts.RunAsUser == nil {
		return nil
	}
	if *a.opts.RunAsUser == 0 {
		a.find(IDRoot, "the manifest says runAsUser: 0", Evidence{Where: "manifest", Text: "runAsUser: 0"})
		return nil
	}
	a.r.UserFrom = FromManifest
	a.r.UserWhy = fmt.Sprintf("the manifest says runAsUser: %d", *a.opts.RunAsUser)
	if *a.opts.RunAsUser != a.r.User.UID {
		a.note("the image itself would rather run as uid %d", a.r.User.UID)
		a.r.User, a.r.UserName = profile.User{UID: *a.opts.RunAsUser}, ""
		if r, err := a.users.Resolve(fmt.Sprint(*a.opts.RunAsUser)); err == nil {
			a.r.User, a.r.UserName = profile.User{UID: r.UID, GID: r.GID, Groups: r.Groups}, r.Name
		}
	}
	if a.opts.RunAsGroup != nil {
		a.r.User.GID = *a.opts.RunAsGroup
	}
	return nil
}

func (a *analysis) setUser(r image.Resolved, from Source, why string) {
	a.r.User = profile.User{UID: r.UID, GID: r.GID, Groups: r.Groups}
	a.r.UserName, a.r.UserWhy, a.r.UserFrom = r.Name, why, from
}

func (a *analysis) find(id, says string, evidence ...Evidence) {
	a.r.Findings = append(a.r.Findings, Finding{ID: id, Says: says, Evidence: evidence})
}

func (a *analysis) evidence(e Evidence) {
	if e.Where != "" && !slices.Contains(a.r.Evidence, e) {
		a.r.Evidence = append(a.r.Evidence, e)
	}
}

func (a *analysis) note(format string, args ...any) {
	a.r.Notes = append(a.r.Notes, fmt.Sprintf(format, args...))
}

// passwdLine returns an account's line of /etc/passwd as evidence.
func passwdLine(ctx context.Context, tree image.Tree, name string) Evidence {
	data, err := tree.ReadFile(ctx, "/etc/passwd")
	if err != nil {
		return Evidence{}
	}
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		if strings.HasPrefix(line, name+":") {
			return Evidence{Where: "/etc/passwd", Line: n, Text: strings.TrimSpace(line)}
		}
	}
	return Evidence{}
}
