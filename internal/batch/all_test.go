package batch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/deliver"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/target"
)

// countingEngine counts the containers of all targets. Images whose name starts with "gone" do not exist.
type countingEngine struct {
	*fakeEngine
	mu          sync.Mutex
	alive, most int
}

func (e *countingEngine) Image(ctx context.Context, ref, platform string) (image.Facts, error) {
	if ref == "gone" {
		return image.Facts{}, errNoImage
	}
	return e.Engine.Image(ctx, ref, platform)
}

func (e *countingEngine) Start(ctx context.Context, t target.Target, facts image.Facts, p profile.Profile) (engine.Container, error) {
	c, err := e.fakeEngine.Start(ctx, t, facts, p)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.alive++
	e.most = max(e.most, e.alive)
	return &countedContainer{c, sync.OnceFunc(func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.alive--
	})}, nil
}

type countedContainer struct {
	engine.Container
	removed func()
}

func (c *countedContainer) Remove(ctx context.Context) error {
	defer c.removed()
	return c.Container.Remove(ctx)
}

// sealAll seals items of images, and returns how each ended.
func sealAll(ctx context.Context, e engine.Engine, items []Item, parallel int) []string {
	ends := make([]string, len(items))
	All(ctx, e, items, AllOptions{
		Parallel: parallel,
		Options: func(int) Options {
			return Options{Seal: seal.Options{Minimize: seal.MinimizeFull, Parallel: 4}}
		},
		Finished: func(i int, f Finished) {
			if ends[i] = "no result"; f.Err != nil {
				ends[i] = f.Err.Error()
			} else if len(f.Sealed) > 0 {
				ends[i] = string(f.Sealed[0].Results[0].Verdict)
			}
		},
	})
	return ends
}

func images(names ...string) []Item {
	var items []Item
	for _, name := range names {
		image := "app" // the fake seeds from this image alone
		if name == "gone" {
			image = name
		}
		items = append(items, Item{Name: name, Job: Job{Target: target.Target{
			Image: image, Ready: target.Ready{Timeout: time.Minute}, Commands: []target.Command{target.Shell("e2e", true)},
		}}})
	}
	return items
}

// TestAll: never more containers than permits, and one target without an image does not stop the others.
func TestAll(t *testing.T) {
	for _, parallel := range []int{1, 2, 5} {
		e := &countingEngine{fakeEngine: newEngine(t)}
		synctest.Test(t, func(t *testing.T) {
			ends := sealAll(t.Context(), e, images("a", "b", "gone", "c", "d"), parallel)
			if want := []string{"sealed", "sealed", errNoImage.Error(), "sealed", "sealed"}; !slices.Equal(ends, want) {
				t.Errorf("got %q", ends)
			}
		})
		if e.most > parallel || e.alive != 0 || e.Alive() != 0 {
			t.Errorf("%d containers at a time with %d permits; %d and %d are left", e.most, parallel, e.alive, e.Alive())
		}
		if parallel == 5 && e.most < 3 {
			t.Errorf("at most %d containers in parallel", e.most)
		}
	}
}

// TestAllInterrupted: every target ends, and nothing is left.
func TestAllInterrupted(t *testing.T) {
	stop := errors.New("interrupted")
	for after := range 12 {
		e := &countingEngine{fakeEngine: newEngine(t)}
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Duration(after)*time.Second, func() { cancel(stop) })
			ends := sealAll(ctx, e, images("a", "b", "c", "d", "e", "f"), 2)
			for i, end := range ends {
				if end != "sealed" && !strings.Contains(end, "interrupted") {
					t.Errorf("target %d: %s", i, end)
				}
			}
			cancel(nil)
		})
		if e.alive != 0 || e.Alive() != 0 {
			t.Errorf("after %d s: %d and %d are left", after, e.alive, e.Alive())
		}
	}
}

const podOfTwo = `
-- podseal.yaml --
version: 1
targets:
  - {name: one, manifest: pod.yaml, container: a, select: Pod/p, commands: [{exec: e2e}], outputs: {inPlace: true}}
  - {name: alone, image: app, commands: [{exec: e2e}]}
  - {name: two, manifest: pod.yaml, container: b, commands: [{exec: e2e}], outputs: {inPlace: true}}
  - {name: other, manifest: pod.yaml, select: Pod/q, commands: [{exec: e2e}], outputs: {inPlace: true}}
-- pod.yaml --
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers:
  - {name: a, image: app}
  - {name: b, image: app}
---
apiVersion: v1
kind: Pod
metadata: {name: q}
spec:
  containers:
  - {name: a, image: app}
`

// TestSharingPods: containers of a pod are sealed in order, each with the profiles before it, and all are written into the
// same file.
func TestSharingPods(t *testing.T) {
	writeFiles(t, txtar.Parse([]byte(podOfTwo)))
	f, items, err := loadConfig(t, "podseal.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(sharingPods(items)); got != "[[0 2] [1] [3]]" {
		t.Errorf("groups %s", got)
	}
	w, err := OpenAll(f, items)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	e := newEngine(t)
	synctest.Test(t, func(t *testing.T) {
		All(t.Context(), e, items, AllOptions{
			Parallel: 3,
			Options: func(int) Options {
				return Options{Seal: seal.Options{Minimize: seal.MinimizeNone, Parallel: 1}, Policy: report.Policy{}}
			},
			Finished: func(i int, f Finished) {
				if f.Err != nil {
					t.Fatal(f.Err)
				}
				if f.Item.Name == "two" && f.Sealed[0].Results[0].Target.Pod.Before[0].Profile.Open {
					t.Error("container a runs unsealed while b is sealed")
				}
				if err := deliverTo(w, i, f); err != nil {
					t.Error(err)
				}
			},
		})
	})
	text, err := os.ReadFile("pod.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "readOnlyRootFilesystem: true"); n != 6 { // each with an init container
		t.Errorf("%d containers are sealed in\n%s", n, text)
	}
	if out := string(w.Stdout()); !strings.Contains(out, "kind: Pod") || strings.Contains(out, "---\n---") {
		t.Errorf("stdout: %s", out)
	}
}

// deliverTo writes what was sealed, without its network policies.
func deliverTo(w *Writer, index int, f Finished) error {
	var inputs []deliver.Input
	for _, in := range f.Sealed {
		inputs = append(inputs, in.Input)
	}
	inputs, err := w.Current(inputs)
	if err != nil {
		return err
	}
	f.Item.Deliver.PoliciesLater = true
	d, err := f.Item.Deliver.Prepare(inputs)
	if err != nil {
		return err
	}
	return w.Write(index, f.Item, inputs, d)
}
