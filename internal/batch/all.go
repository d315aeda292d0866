package batch

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/input"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/race"
)

// Finished is an item with its results, or with the error of the engine that ended it.
type Finished struct {
	Item   Item
	Sealed []Sealed
	Err    error
}

// AllOptions say how many targets are sealed.
type AllOptions struct {
	// Parallel is how many targets are sealed in parallel, and how many runs there are in parallel; at least 1.
	Parallel int
	// Options returns the options for one item. Their Admit is set by All.
	Options func(index int) Options
	// Finished is called when an item has ended, for one item at a time, in the order of their ends.
	Finished func(index int, f Finished)
}

// PreflightAll refuses what the engine and the images decide before the first run of any item, for this many items in
// parallel. It returns the error of the first item that has one, whichever item ends first.
func PreflightAll(ctx context.Context, e Engine, items []Item, parallel int) error {
	errs := make([]error, len(items))
	first, err := race.First(ctx, len(items), parallel, func(ctx context.Context, i int) (bool, error) {
		errs[i] = items[i].Preflight(ctx, e)
		return errs[i] != nil, nil
	})
	if first >= 0 {
		return fmt.Errorf("target %s: %w", items[first].Name, errs[first])
	}
	return err
}

// All seals the items in parallel. One that fails does not stop the others; the end of ctx stops all, and All returns when
// nothing runs any more.
//
// Items with containers of the same pod are sealed one after the other, each with the profiles of those before it: the proof
// of the last one is then one of all profiles together.
func All(ctx context.Context, e engine.Engine, items []Item, o AllOptions) {
	permits := NewPermits(o.Parallel)
	waiting := make(chan []int)
	var mu sync.Mutex
	var workers sync.WaitGroup
	groups := sharingPods(items)
	for range min(max(1, o.Parallel), len(groups)) {
		workers.Go(func() {
			for group := range waiting {
				pods := podProfiles{}
				for _, i := range group {
					f := sealItem(ctx, e, items[i], o.Options(i), permits, pods)
					mu.Lock()
					o.Finished(i, f)
					mu.Unlock()
				}
			}
		})
	}
	for _, group := range groups {
		waiting <- group
	}
	close(waiting)
	workers.Wait()
}

// sealItem seals one item, and adds the profiles of what it sealed to pods.
func sealItem(ctx context.Context, e engine.Engine, item Item, o Options, permits Permits, pods podProfiles) Finished {
	f := Finished{Item: item}
	if f.Err = context.Cause(ctx); f.Err != nil {
		return f
	}
	o.Seal.Admit = permits.Admit
	item.others = pods
	if f.Sealed, f.Err = item.Seal(ctx, e, o); f.Err != nil {
		f.Sealed = nil
		return f
	}
	for i, in := range f.Sealed {
		for j, res := range in.Results {
			if len(item.Files) > 0 && o.Policy.ExitCode(res) == exitcode.Sealed {
				pods.add(podKey(item.Files[i], in.Input.Containers[j].Pod), in.Input.Containers[j].Name, res.Profile)
			}
		}
	}
	return f
}

// podProfiles are the profiles of containers that are sealed already, by their pods and names.
type podProfiles map[string]map[string]profile.Profile

func (p podProfiles) add(pod, container string, sealed profile.Profile) {
	if p[pod] == nil {
		p[pod] = map[string]profile.Profile{}
	}
	p[pod][container] = sealed
}

// sharingPods groups the indexes of items: those with containers of the same pod together. Groups and their members are in
// order.
func sharingPods(items []Item) [][]int {
	groupOf := map[string]int{} // by pod
	out := make([][]int, len(items))
	for i, item := range items {
		out[i] = []int{i}
		for _, f := range item.Files {
			for _, p := range f.Pods {
				key := podKey(f, p.Pod.Manifest)
				if other, known := groupOf[key]; known && other != i {
					out[i] = append(out[i], out[other]...)
					out[other] = nil
				}
				for pod, group := range groupOf {
					if out[group] == nil {
						groupOf[pod] = i
					}
				}
				groupOf[key] = i
			}
		}
		slices.Sort(out[i])
	}
	out = slices.DeleteFunc(out, func(group []int) bool { return group == nil })
	slices.SortFunc(out, func(a, b []int) int { return a[0] - b[0] })
	return out
}

// podKey identifies a pod among all items.
func podKey(f *input.File, p *manifest.Pod) string {
	return fmt.Sprintf("%s %d", filepath.Clean(f.Manifest.Name), slices.Index(f.Manifest.Pods, p))
}
