//go:build engine

package podrun

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// TestSubPathOfEarlierContainer: a subPath is resolved when its container starts, so that an init container can make the
// file, or a directory with content. A missing one becomes a directory with the mode of the root.
func TestSubPathOfEarlierContainer(t *testing.T) {
	t.Parallel()
	b := newPodBench(t)
	facts := b.app(nil)
	whole := []target.VolumeMount{{Volume: "work", Path: "/work"}}
	c := b.startPod(target.Target{
		Args: []string{"read:/etc/app.conf", "read:/site/index", "stat:/none", "wait"},
		Mounts: []target.VolumeMount{
			{Volume: "work", Path: "/etc/app.conf", SubPath: "conf/app.conf"},
			{Volume: "work", Path: "/none", SubPath: "x/y"},
			{Volume: "work", Path: "/site", SubPath: "site", ReadOnly: true},
		},
		Pod: &target.Pod{
			Name: "web", Original: "Pod web", Volumes: []target.Volume{{Name: "work", Kind: target.EmptyDir}},
			Before: []target.Member{beside("render", target.Init, facts, whole,
				"list:/work", "mkdir:/work/conf", "write:/work/conf/app.conf=rendered", "mkdir:/work/site", "write:/work/site/index=page")},
		},
	}, facts, profile.Unrestricted())
	expect(t, waitLine(t, c, "waiting", 1), `
read:/etc/app.conf: rendered
read:/site/index: page
stat:/none: 777 0:0
waiting`)
}

// TestSubPathLinks: a link in a volume would lead to the engine's own machine.
func TestSubPathLinks(t *testing.T) {
	t.Parallel()
	b := newPodBench(t)
	facts := b.app(nil)
	_, err := b.Start(t.Context(), target.Target{
		Name: "main", Image: facts.Ref, Args: []string{"wait"}, Mounts: []target.VolumeMount{{Volume: "work", Path: "/at", SubPath: "a/way"}},
		Pod: &target.Pod{
			Name: "web", Original: "Pod web", Volumes: []target.Volume{{Name: "work", Kind: target.EmptyDir}},
			Before: []target.Member{beside("evil", target.Init, facts, []target.VolumeMount{{Volume: "work", Path: "/work"}},
				"mkdir:/work/a", "link:/work/a/way=/etc")},
		},
	}, facts, profile.Unrestricted())
	var failed *engine.PodError
	if !errors.As(err, &failed) || !strings.Contains(failed.What, "a/way of volume work is a link") {
		t.Errorf("a link at a subPath gives %v", err)
	}
}

// TestSubPathOfFiles: a key that is not there is an empty folder, as where an optional ConfigMap is missing.
func TestSubPathOfFiles(t *testing.T) {
	t.Parallel()
	b := newPodBench(t)
	facts := b.app(nil)
	c := b.startPod(target.Target{
		Args:   []string{"list:/etc/more", "wait"},
		Mounts: []target.VolumeMount{{Volume: "conf", Path: "/etc/more", SubPath: "more"}},
		Pod:    &target.Pod{Name: "web", Original: "Pod web", Volumes: []target.Volume{{Name: "conf", Kind: target.Files}}},
	}, facts, profile.Unrestricted())
	expect(t, waitLine(t, c, "waiting", 1), "list:/etc/more: \nwaiting")
}

// TestContainersOfJob: the containers of a job run side by side, also where each is to run to its end.
func TestContainersOfJob(t *testing.T) {
	t.Parallel()
	b := newPodBench(t)
	facts := b.app(nil)
	shared := []target.VolumeMount{{Volume: "work", Path: "/work"}}
	helper := beside("helper", target.Main, facts, shared, "write:/work/up=yes", "wait")
	helper.Target.Completes = true
	c := b.startPod(target.Target{
		Name: "work", Args: []string{"wait"}, Mounts: shared, Completes: true,
		Pod: &target.Pod{
			Name: "web", Original: "Job web", Kind: target.Main, Volumes: []target.Volume{{Name: "work", Kind: target.EmptyDir}},
			After: []target.Member{helper},
		},
	}, facts, profile.Unrestricted())
	waitLine(t, c, "waiting", 1)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if _, out, err := c.Exec(t.Context(), []string{"/app", "read:/work/up"}); err != nil || strings.Contains(out, "yes") {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the second container waits for the end of the first")
		}
	}
	if err := c.Proceed(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(c.(*running).members.list); n != 1 {
		t.Errorf("the helper was started %d times", n)
	}
}

// TestMemberSeedFails: a seed of another container is not one of the target's.
func TestMemberSeedFails(t *testing.T) {
	t.Parallel()
	b := newPodBench(t)
	facts := b.app(nil)
	proxy := beside("proxy", target.Sidecar, facts, nil, "wait")
	proxy.Profile = sealed(profile.Mount{Path: "/data", Kind: profile.Seeded}) // there is no shell
	_, err := b.Start(t.Context(), target.Target{
		Image: facts.Ref, Args: []string{"wait"}, Pod: &target.Pod{Name: "web", Original: "Pod web", Before: []target.Member{proxy}},
	}, facts, profile.Unrestricted())
	var seed *engine.SeedError
	var failed *engine.PodError
	if errors.As(err, &seed) || !errors.As(err, &failed) || !strings.Contains(failed.Error(), "sidecar proxy: seeding /data") {
		t.Errorf("a failing seed of a sidecar gives %v", err)
	}
}

// newPodBench has a helper image, which sandboxes need, and does not trace.
func newPodBench(t *testing.T) bench {
	t.Helper()
	return newBenchWith(t, Options{NoTrace: true})
}
