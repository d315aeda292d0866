package seal_test

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

const stickyBit = fs.ModeSticky

// fakeEngine is a container engine whose containers are scripts over an image's tree: it treats a profile as a kubelet does,
// and shows of a run what a real engine shows.
type fakeEngine struct {
	facts   image.Facts
	tree    *image.MemTree
	entries []image.Entry
	users   image.Users
	script  []op
	traced  bool
	broken  func(p profile.Profile) error // an engine's own failure

	mu    sync.Mutex
	made  int
	alive int
}

var _ engine.Engine = (*fakeEngine)(nil)

func (e *fakeEngine) Image(_ context.Context, ref, _ string) (image.Facts, error) {
	if ref == e.facts.Ref {
		return e.facts, nil
	}
	return image.Facts{Ref: ref, Digest: ref + "@sha256:0", Config: &v1.ConfigFile{}}, nil
}

func (e *fakeEngine) Foresee(context.Context, image.Facts, profile.Profile) {}

// Tree is that of the image; every other image is one of nothing but a shell's programs.
func (e *fakeEngine) Tree(_ context.Context, facts image.Facts) (engine.TreeCloser, error) {
	e.count(1)
	if facts.Ref != e.facts.Ref {
		return closer{image.NewMemTree(programs(), nil), e}, nil
	}
	return closer{e.tree, e}, nil
}

// programs are what an init container runs.
func programs() []image.Entry {
	var out []image.Entry
	for _, name := range []string{"sh", "chmod", "cp", "mkdir", "mv", "rm"} {
		out = append(out, image.Entry{Path: "/bin/" + name, Kind: image.File, Mode: 0o755})
	}
	return out
}

type closer struct {
	*image.MemTree
	e *fakeEngine
}

func (c closer) Close(context.Context) error { c.e.count(-1); return nil }

func (e *fakeEngine) count(n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.alive += n
}

func (e *fakeEngine) Start(ctx context.Context, t target.Target, _ image.Facts, p profile.Profile) (engine.Container, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if e.broken != nil {
		if err := e.broken(p); err != nil {
			return nil, err
		}
	}
	c := &container{e: e, t: t, p: p, phase: observe.Start}
	if err := c.setUp(); err != nil {
		return nil, err
	}
	e.mu.Lock()
	e.made++
	e.alive++
	c.id = fmt.Sprintf("fake-%d", e.made)
	e.mu.Unlock()
	c.start()
	return c, nil
}

// container is one fake container.
type container struct {
	e  *fakeEngine
	t  target.Target
	p  profile.Profile
	id string

	mu      sync.Mutex
	fs      *files
	initial map[string]image.Entry // for docker diff
	kept    map[string]map[string]image.Entry
	who     who
	cwd     string
	phase   observe.Phase
	ports   []int
	denied  []int
	procs   []observe.Process
	writes  []observe.Write
	logs    strings.Builder
	exit    *observe.Exit
	gone    chan struct{} // closed when it has exited
	removed bool
	again   bool // it was restarted
}

var engineCaps = []string{
	"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW", "SETFCAP",
	"SETGID", "SETPCAP", "SETUID", "SYS_CHROOT", "AUDIT_WRITE",
}

// setUp makes the file system and the user. It runs the init containers of seeds.
func (c *container) setUp() error {
	kept := c.p.Open && c.fs != nil // an engine keeps the layer of a container that it starts again
	if !kept {
		c.fs = newFiles(c.e.entries)
	}
	config := c.e.facts.Config.Config
	if c.p.Open {
		r, err := c.e.users.Resolve(config.User)
		if err != nil {
			return err
		}
		c.who = who{uid: r.UID, gid: r.GID, groups: r.Groups, caps: engineCaps}
	} else {
		c.who = who{uid: c.p.User.UID, gid: c.p.User.GID, groups: c.p.User.Groups, caps: c.p.AddCapabilities}
		c.fs.readOnly = !c.p.WritableRoot
	}
	c.cwd = path.Clean("/" + config.WorkingDir)
	if c.p.WorkingDir != "" {
		c.cwd = c.p.WorkingDir
	}
	c.fs.makeParents(c.cwd)
	for v := range config.Volumes {
		if _, ok := c.p.Mount(v); !kept && (!ok || c.p.Open) { // a copy of its own, with the image's owners
			at := c.fs.real(v, true)
			c.fs.makeParents(at)
			c.fs.cover(at, c.fs.below(at))
		}
	}
	if !c.p.Open {
		for _, m := range c.p.Mounts {
			if err := c.mount(m); err != nil {
				return err
			}
		}
	}
	if !kept {
		c.initial = maps.Clone(c.fs.nodes)
	}
	return nil
}

// mount mounts one emptyDir: as it was left, or as the kubelet and the init container make it.
func (c *container) mount(m profile.Mount) error {
	at := c.fs.real(m.Path, true)
	if kept, ok := c.kept[at]; ok {
		c.fs.cover(at, kept)
		return nil
	}
	root := image.Entry{Path: at, Kind: image.Dir, Mode: 0o777}
	if m.Medium == profile.Memory {
		root.Mode |= stickyBit
	}
	nodes := map[string]image.Entry{}
	if m.NeedsInit() {
		root.UID, root.GID, root.Mode = c.who.uid, c.who.gid, 0o755
	}
	if m.Kind == profile.Seeded {
		if _, ok, _ := c.e.tree.Lookup(context.Background(), "/bin/sh"); !ok && (c.p.Seeding.Image == "" || !c.p.Seeding.ImageVolume) {
			return fmt.Errorf("the mount %s cannot be made, and was not to be tried", m.Path)
		}
		for p, e := range c.fs.below(at) {
			if bits := map[image.Kind]fs.FileMode{image.Dir: 5, image.File: 4}[e.Kind]; !c.who.may(e, bits) && m.Partial {
				continue
			} else if !c.who.may(e, bits) {
				return &engine.SeedError{Path: m.Path, Output: "cp: cannot open '" + p + "' for reading: Permission denied", Code: 1}
			}
			e.UID, e.GID = c.who.uid, c.who.gid
			if m.Rewritable {
				e.Mode |= 0o200
			}
			nodes[p] = e
		}
	}
	nodes[at] = root
	c.fs.cover(at, nodes)
	return nil
}

// start runs the script's start; the caller holds no lock.
func (c *container) start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone, c.exit, c.ports = make(chan struct{}), nil, nil
	c.procs = nil
	c.do("start")
	for _, o := range c.e.script {
		if o.phase == "start" && o.after > 0 {
			go c.later(o, c.gone)
		}
	}
}

func (c *container) later(o op, gone chan struct{}) {
	select {
	case <-gone:
	case <-time.After(o.after):
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.exit == nil && c.holds(o) {
			c.one(o)
		}
	}
}

// do performs a phase of the script; it tells whether an e2e command would pass.
func (c *container) do(phase string) bool {
	ok := true
	for _, o := range c.e.script {
		if o.phase != phase || o.after > 0 || c.exit != nil && phase != "stop" || !c.holds(o) {
			continue
		}
		if !c.one(o) {
			ok = false
		}
	}
	return ok && c.exit == nil
}

// one performs one operation, and tells whether it went well enough.
func (c *container) one(o op) bool {
	errno, what := c.perform(o)
	if errno == "" {
		return true
	}
	if !o.is("silent") {
		if what == "" || o.is("terse") {
			fmt.Fprintf(&c.logs, "app: %s failed: %s\n", o.verb, message(o, errno))
		} else {
			fmt.Fprintf(&c.logs, "app: %s %s: %s\n", o.verb, what, message(o, errno))
		}
	}
	switch {
	case o.is("tolerated"):
		return true
	case o.is("fails"):
		return false
	case o.verb == "exec":
		c.end(observe.Exit{Code: 126, Error: "exec: \"" + what + "\": operation not permitted"})
	default:
		c.end(observe.Exit{Code: 1})
	}
	return false
}

func message(o op, errno string) string {
	switch {
	case errno == "wrong owner":
		return "data directory has wrong ownership"
	case errno == "not sticky":
		return "could not find a temporary directory"
	case o.verb == "listen":
		return "bind: Permission denied"
	}
	if text := errnoText[errno]; text != "" {
		return text
	}
	return errno
}

func (c *container) end(e observe.Exit) {
	if c.exit == nil {
		c.exit = &e
		c.ports = nil
		close(c.gone)
	}
}

// path makes a script's path absolute.
func (c *container) path(p string) string {
	if rest, ok := strings.CutPrefix(p, "$HOME"); ok {
		home := c.p.Env["HOME"]
		if a, found := c.e.users.ByUID(c.who.uid); home == "" && found {
			home = a.Home
		}
		return path.Join("/", home, rest)
	}
	if rest, ok := strings.CutPrefix(p, "$TMPDIR"); ok {
		return path.Join(cmp.Or(c.p.Env["TMPDIR"], "/tmp"), rest)
	}
	if !path.IsAbs(p) {
		return path.Join("/", c.cwd, p)
	}
	return path.Clean(p)
}

// execFile executes a program that may carry a file capability.
func (c *container) execFile(p string) string {
	e, ok := c.fs.nodes[c.fs.real(p, true)]
	if !ok {
		return "ENOENT"
	}
	if e.Caps != "" && !c.p.Open && !slices.Contains(c.p.AddCapabilities, "NET_BIND_SERVICE") {
		return "EPERM"
	}
	return ""
}
