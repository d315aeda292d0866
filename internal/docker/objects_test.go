//go:build engine

package docker

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/volume"

	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// objects lists what the engine has of this run. Anonymous volumes have no label: those of VOLUMEs are counted by
// TestRemoveLeavesNothing.
func (b bench) objects() []string {
	b.t.Helper()
	which := filters.NewArgs(filters.Arg("label", "podseal="+b.RunID()))
	var out []string
	containers, err := b.cli.ContainerList(context.Background(), container.ListOptions{All: true, Filters: which})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range containers {
		out = append(out, c.Names...)
	}
	volumes, err := b.cli.VolumeList(context.Background(), volume.ListOptions{Filters: which})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, v := range volumes.Volumes {
		out = append(out, v.Name)
	}
	return out
}

// mountsOf are the volumes of a container, those without a name included.
func (b bench) mountsOf(id string) []string {
	b.t.Helper()
	found, err := b.cli.ContainerInspect(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	var out []string
	for _, m := range found.Mounts {
		out = append(out, m.Name)
	}
	return out
}

func (b bench) volumeExists(name string) bool {
	_, err := b.cli.VolumeInspect(context.Background(), name)
	return err == nil
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
			if name := strings.TrimPrefix(o, "/"); !strings.HasPrefix(name, "podseal-"+b.RunID()+"-") {
				t.Errorf("the name %s does not tell the run", name)
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
	if left := b.objects(); !onlyLookout(left) {
		t.Errorf("left: %v", left)
	}
}

// onlyLookout tells whether nothing is there but the lookout and its volume, which serve all containers of a run and go
// with Sweep.
func onlyLookout(objects []string) bool {
	return !slices.ContainsFunc(objects, func(o string) bool {
		return !strings.HasSuffix(o, "-sensor") && !strings.HasSuffix(o, "-lookout")
	})
}

func TestSweepAndGC(t *testing.T) {
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
	if onlyLookout(b.objects()) {
		t.Error("Sweep removed what another run made")
	}
	if err := b.Sweep(ended); err != nil {
		t.Fatal(err)
	}
	if left := b.objects(); len(left) > 0 {
		t.Errorf("Sweep left %v", left)
	}
}

// TestGC runs alone: the other tests' objects are of this process, which GC takes for those of an earlier process with
// the same number.
func TestGC(t *testing.T) {
	b := newPlainBench(t)
	object := func(what string, labels map[string]string) string {
		t.Helper()
		v, err := b.cli.VolumeCreate(t.Context(), volume.CreateOptions{Name: b.name(what), Labels: labels})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = b.removeVolume(context.Background(), v.Name) })
		return v.Name
	}
	labels := func(pid int) map[string]string {
		l := b.labels()
		l[labelPID] = strconv.Itoa(pid)
		return l
	}
	dead := object("dead", labels(1<<30))
	alive := object("alive", labels(os.Getppid()))
	foreign := object("foreign", map[string]string{"other": "x"})
	removed, err := b.GC(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(removed, "volume "+dead) || b.volumeExists(dead) {
		t.Errorf("GC kept what a dead run left; it removed %v", removed)
	}
	if !b.volumeExists(alive) || !b.volumeExists(foreign) {
		t.Errorf("GC removed what is not its own to remove: %v", removed)
	}
}

func TestAbandoned(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	labels := func(host string, pid int) map[string]string {
		return map[string]string{labelHost: host, labelPID: strconv.Itoa(pid)}
	}
	const never = 1 << 30 // beyond the kernel's largest pid
	for _, tt := range []struct {
		labels map[string]string
		want   bool
	}{
		{labels(host, os.Getppid()), false},
		{labels(host, 1), false},
		{labels(host, never), true},
		{labels("elsewhere.invalid", 1), true},
		{nil, true},
	} {
		if got := abandoned(tt.labels); got != tt.want {
			t.Errorf("abandoned(%v) = %v", tt.labels, got)
		}
	}
}
