package seal_test

import (
	"context"
	"errors"
	"maps"
	"path"
	"slices"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
)

func (c *container) ID() string         { return c.id }
func (c *container) Host() string       { return "127.0.0.1" }
func (c *container) Ports() map[int]int { return nil }

func (c *container) UDPPorts() map[int]int { return nil }

func (c *container) State(ctx context.Context) (engine.State, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.exit != nil {
		return engine.State{Exit: *c.exit}, ctx.Err()
	}
	return engine.State{Running: true}, ctx.Err()
}

func (c *container) Proceed(context.Context) error { return nil }

func (c *container) ExecDefault(ctx context.Context, argv []string) (int, string, error) {
	return c.Exec(ctx, argv)
}

func (c *container) Wait(ctx context.Context) error {
	c.mu.Lock()
	gone := c.gone
	c.mu.Unlock()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *container) Changes(context.Context) ([]observe.Change, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := map[string]observe.Change{}
	note := func(kind observe.ChangeKind, p string, dir bool) {
		if c.fs.mountPoint(p) != "" {
			return
		}
		found[p] = observe.Change{Kind: kind, Path: p, Dir: dir && kind == observe.Added}
		for d := path.Dir(p); d != "/"; d = path.Dir(d) {
			if _, ok := found[d]; !ok {
				found[d] = observe.Change{Kind: observe.Modified, Path: d}
			}
		}
	}
	for _, p := range slices.Sorted(maps.Keys(c.initial)) {
		if _, ok := c.fs.nodes[p]; !ok && c.fs.nodes[path.Dir(p)].Path != "" {
			note(observe.Deleted, p, false)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(c.fs.nodes)) {
		now, was := c.fs.nodes[p], c.initial[p]
		switch {
		case was.Path == "":
			note(observe.Added, p, now.Kind == image.Dir)
		case was.Mode != now.Mode || was.UID != now.UID || was.GID != now.GID || now.Kind != image.Dir && was.Mtime != now.Mtime:
			note(observe.Modified, p, false)
		}
	}
	var out []observe.Change
	for _, p := range slices.Sorted(maps.Keys(found)) {
		out = append(out, found[p])
	}
	return out, nil
}

func (c *container) Processes(context.Context) ([]observe.Process, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.exit != nil {
		return nil, errors.New("the container is not running")
	}
	return append([]observe.Process{{PID: 1, UID: c.who.uid, GID: c.who.gid, Command: "app", Main: true}}, c.procs...), nil
}

func (c *container) Listening(context.Context) ([]int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.exit != nil {
		return nil, errors.New("the container is not running")
	}
	return slices.Sorted(slices.Values(c.ports)), nil
}

func (c *container) Logs(context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.logs.String(), nil
}

// Exec runs the e2e command, whatever it is called, or the pod's probe.
func (c *container) Exec(ctx context.Context, argv []string) (int, string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.exit != nil {
		return 1, "no answer", ctx.Err()
	}
	if argv[0] == "probe" && !c.do("probe") {
		return 1, "not yet", ctx.Err()
	}
	if argv[0] != "probe" && !c.do("e2e") {
		return 1, "the test failed", ctx.Err()
	}
	return 0, "", ctx.Err()
}

// Usage counts a mebibyte for each file.
func (c *container) Usage(context.Context) ([]observe.Usage, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []observe.Usage
	for _, m := range c.p.Mounts {
		u := observe.Usage{Path: m.Path}
		for _, e := range c.fs.below(c.fs.real(m.Path, true)) {
			if e.Kind == image.File {
				u.Files++
				u.Bytes += 1 << 20
			}
		}
		out = append(out, u)
	}
	return out, nil
}

func (c *container) Phase(p observe.Phase) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.phase = p
}

func (c *container) Writes() ([]observe.Write, observe.Trace) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.e.traced {
		return nil, observe.Trace{Note: "this engine cannot trace"}
	}
	return slices.Clone(c.writes), observe.Trace{On: true}
}

func (c *container) DeniedPorts() []int { return slices.Clone(c.denied) }

// Restart keeps the mounts; the rest is made anew, as a kubelet does.
func (c *container) Restart(ctx context.Context, fresh ...string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	c.again = true
	c.end(observe.Exit{Code: 137})
	c.kept = map[string]map[string]image.Entry{}
	for _, m := range c.p.Mounts {
		if slices.Contains(fresh, m.Path) {
			continue
		}
		at := c.fs.real(m.Path, true)
		c.kept[at] = map[string]image.Entry{}
		for p, e := range c.fs.below(at) {
			if c.fs.mountPoint(p) == at {
				c.kept[at][p] = e
			}
		}
	}
	err := c.setUp()
	c.mu.Unlock()
	if err != nil {
		return err
	}
	c.start()
	return nil
}

func (c *container) Stop(context.Context) (observe.Exit, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.exit == nil {
		c.do("stop")
		c.end(observe.Exit{})
	}
	return *c.exit, nil
}

func (c *container) Remove(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end(observe.Exit{Code: 137})
	if !c.removed {
		c.removed = true
		c.e.count(-1)
	}
	return nil
}
