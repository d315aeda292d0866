package enginetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/engine/enginetest/script"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// Engine is a fake container engine that runs the application of one Case. It treats a profile as a kubelet does. Set its
// fields before the first call.
type Engine struct {
	// Traced makes containers report their writes and refused ports, as with a tracer.
	Traced bool
	// Seed makes the random numbers of scripts.
	Seed uint64
	// Broken returns an error that Start returns in place of a container, or nil. Nil means that Start works.
	Broken func(p profile.Profile) error

	facts   image.Facts
	tree    *image.MemTree
	entries []image.Entry
	users   image.Users
	script  script.Script

	mu    sync.Mutex
	made  int
	runs  map[string]int // of each profile
	alive int
}

// ErrBroken is the error of the engine that the verb break-engine causes.
var ErrBroken = errors.New("the fake engine was broken by the script")

var _ engine.Engine = (*Engine)(nil)

// New returns an engine that runs the application of a case.
func New(c Case) (*Engine, error) {
	entries, _, err := c.Tree.List(context.Background(), "/", maxEntries)
	if err != nil {
		return nil, err
	}
	users, err := image.ReadUsers(context.Background(), c.Tree)
	if err != nil {
		return nil, err
	}
	return &Engine{facts: c.Facts, tree: c.Tree, entries: entries, users: users, script: c.Script, runs: map[string]int{}}, nil
}

// Alive returns the number of containers that were not removed and of trees that were not closed.
func (e *Engine) Alive() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.alive
}

// Capabilities implements engine.Engine.
func (e *Engine) Capabilities() engine.Capabilities {
	return engine.Capabilities{Traces: e.Traced, Restarts: true, Inspects: true}
}

// Image implements engine.Engine. Every reference but that of the case is an image that holds only a shell's programs.
func (e *Engine) Image(_ context.Context, ref, _ string) (image.Facts, error) {
	if ref == e.facts.Ref {
		return e.facts, nil
	}
	return image.Facts{Ref: ref, Digest: ref + "@sha256:0", Config: &v1.ConfigFile{}}, nil
}

// Prewarm implements engine.Engine. It has no effect.
func (e *Engine) Prewarm(context.Context, image.Facts, profile.Profile) {}

// Tree implements engine.Engine.
func (e *Engine) Tree(_ context.Context, facts image.Facts) (engine.TreeCloser, error) {
	e.count(1)
	if facts.Ref != e.facts.Ref {
		return tree{image.NewMemTree(programs(), nil), e}, nil
	}
	return tree{e.tree, e}, nil
}

// tree is an open tree that its engine counts.
type tree struct {
	*image.MemTree
	e *Engine
}

func (t tree) Close(context.Context) error { t.e.count(-1); return nil }

func (e *Engine) count(n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.alive += n
}

// Start implements engine.Engine.
func (e *Engine) Start(ctx context.Context, t target.Target, _ image.Facts, p profile.Profile) (engine.Container, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if e.Broken != nil {
		if err := e.Broken(p); err != nil {
			return nil, err
		}
	}
	a := e.newApplication(t, p)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.setUp(); err != nil {
		return nil, err
	}
	a.start()
	if a.broken != nil {
		a.end(observe.Exit{Code: sigkilled})
		return nil, a.broken
	}
	e.count(1)
	return &container{app: a, grace: t.Grace}, nil
}

// newApplication returns an application that has not started yet.
func (e *Engine) newApplication(t target.Target, p profile.Profile) *application {
	traced := e.Traced && !t.Untraced
	e.mu.Lock()
	defer e.mu.Unlock()
	e.made++
	key := fmt.Sprintf("%+v traced %v", p, traced)
	e.runs[key]++
	return &application{
		e: e, p: p, user: cmp.Or(t.User, e.facts.Config.Config.User), traced: traced, phase: observe.Start,
		run: e.made, same: e.runs[key], dice: dice{seed: e.Seed, run: fmt.Sprint(key, " run ", e.runs[key]), draws: map[string]int{}},
	}
}
