//go:build engine

package podrun

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// objects lists the containers and volumes of this run. Anonymous volumes have no label: those of VOLUMEs are counted by
// TestRemoveLeavesNothing.
func (b bench) objects() []string {
	b.t.Helper()
	found, err := b.client.Objects(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	return found
}

// mountsOf returns the volumes of a container, those without a name included.
func (b bench) mountsOf(id string) []string {
	b.t.Helper()
	found, err := b.client.Container(id).Status(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return found.Volumes
}

func (b bench) volumeExists(name string) bool {
	b.t.Helper()
	has, err := b.client.HasVolume(context.Background(), name)
	if err != nil {
		b.t.Fatal(err)
	}
	return has
}

func TestRemoveLeavesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	facts := b.app(withVolume("/data"))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, p := range []profile.Profile{profile.Unrestricted(), sealed(profile.Mount{Path: "/data", Kind: profile.Plain})} {
		c := b.start(facts, p, "wait")
		volumes := b.mountsOf(c.ID())
		if len(volumes) == 0 {
			t.Error("the container has no volume at all")
		}
		for _, o := range b.objects() {
			if !strings.HasPrefix(o, "podseal-"+b.RunID()+"-") {
				t.Errorf("the name %s does not hold the run's id", o)
			}
		}
		for range 2 { // the second has nothing to do
			if err := c.Remove(ended); err != nil {
				t.Errorf("removing with an ended context: %v", err)
			}
		}
		for _, v := range volumes {
			if b.volumeExists(v) && !strings.HasSuffix(v, "-sensor") {
				t.Errorf("volume %s is left", v)
			}
		}
	}
}

func TestInterruptedStartLeavesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	facts := b.app(nil)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	p := sealed(profile.Mount{Path: "/data", Kind: profile.Plain})
	_, err := b.Start(ended, target.Target{Args: []string{"wait"}}, facts, p)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Start with an ended context: %v", err)
	}
	if left := b.objects(); !onlyObserver(left) {
		t.Errorf("left: %v", left)
	}
}

// onlyObserver reports whether nothing is there but the observer container and its volume, which serve all containers of a
// run until Sweep removes them.
func onlyObserver(objects []string) bool {
	return !slices.ContainsFunc(objects, func(o string) bool {
		return !strings.HasSuffix(o, "-sensor") && !strings.HasSuffix(o, "-observer")
	})
}

func TestSweep(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	facts := b.app(nil)
	p := sealed(profile.Mount{Path: "/data", Kind: profile.Plain})
	b.start(facts, p, "wait")
	other := newBench(t) // another run of the same process, which lives
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := other.Sweep(ended); err != nil {
		t.Fatal(err)
	}
	if onlyObserver(b.objects()) {
		t.Error("Sweep removed what another run made")
	}
	if err := b.Sweep(ended); err != nil {
		t.Fatal(err)
	}
	if left := b.objects(); len(left) > 0 {
		t.Errorf("Sweep left %v", left)
	}
}
