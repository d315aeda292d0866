//go:build engine

package podrun

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

func (b bench) startPod(t target.Target, facts image.Facts, p profile.Profile) engine.Container {
	b.t.Helper()
	t.Image, t.Grace = facts.Ref, 5*time.Second
	c, err := b.Start(b.t.Context(), t, facts, p)
	if err != nil {
		b.t.Fatalf("starting: %v", err)
	}
	b.t.Cleanup(func() {
		if err := c.Remove(context.Background()); err != nil {
			b.t.Errorf("removing: %v", err)
		}
	})
	return c
}

func beside(name string, kind target.MemberKind, facts image.Facts, mounts []target.VolumeMount, steps ...string) target.Member {
	return target.Member{
		Name: name, Kind: kind, Profile: profile.Unrestricted(),
		Target: target.Target{Name: name, Image: facts.Ref, Args: steps, Mounts: mounts, Completes: kind == target.Init},
	}
}

// TestPodOrderAndSharing: an init container writes what the target reads, a sidecar listens in the same network, a
// container that comes later is up as well; hooks run; the host reaches all their ports.
func TestPodOrderAndSharing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	facts := b.app(nil)
	shared := []target.VolumeMount{{Volume: "work", Path: "/work"}}
	tgt := target.Target{
		Name: "main", Args: []string{"read:/work/made", "env:IP", "listen:7000", "wait"},
		Env: []target.EnvVar{{Name: "IP", Value: "at " + target.PodIP}}, Mounts: shared, Ports: []int{7000},
		PostStart: &target.Hook{Argv: []string{"/app", "write:/work/hook=1"}},
		Pod: &target.Pod{
			Name: "web-0", Original: "Pod web", Ports: []int{7000, 7001, 7002},
			Volumes: []target.Volume{{Name: "work", Kind: target.EmptyDir}},
			Before: []target.Member{
				beside("first", target.Init, facts, shared, "write:/work/made=by init"),
				beside("proxy", target.Sidecar, facts, nil, "listen:7001", "wait"),
			},
			After: []target.Member{beside("later", target.Main, facts, shared, "read:/work/hook", "listen:7002", "wait")},
		},
	}
	c := b.startPod(tgt, facts, profile.Unrestricted())
	logs := waitLine(t, c, "waiting", 1)
	if !strings.Contains(logs, "read:/work/made: by init") || strings.Contains(logs, target.PodIP) || !strings.Contains(logs, "env:IP: at 1") {
		t.Errorf("the target says:\n%s", logs)
	}
	for _, port := range tgt.Pod.Ports {
		hello(t, c, port)
	}
	state, err := c.State(t.Context())
	if err != nil || !state.Running || state.Other != "" || state.Hostname != "" {
		t.Errorf("State = %+v, %v", state, err)
	}
	if err := c.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitLine(t, c, "waiting", 2)
	hello(t, c, 7002)
}

// TestPodVolumes: files as a kubelet writes them, a claim of root, and what an fsGroup changes.
func TestPodVolumes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	facts := b.app(nil, file{Name: "etc/", Mode: 0o755}, file{Name: "etc/app.conf", Mode: 0o644, Data: []byte("shipped")})
	pod := target.Pod{
		Name: "web", Original: "Pod web",
		Volumes: []target.Volume{
			{Name: "conf", Kind: target.Files, Files: []target.VolumeFile{
				{Path: "app.conf", Content: []byte("mounted"), Mode: 0o400}, {Path: "sub/more", Content: []byte("deep"), Mode: 0o644},
			}},
			{Name: "data", Kind: target.Claim},
			{Name: "tmp", Kind: target.EmptyDir},
		},
	}
	mounts := []target.VolumeMount{
		{Volume: "conf", Path: "/conf"},
		{Volume: "data", Path: "/data"},
		{Volume: "conf", Path: "/etc/app.conf", SubPath: "app.conf"},
		{Volume: "tmp", Path: "/part", SubPath: "a/b"},
	}
	steps := []string{
		"read:/conf/sub/more", "list:/conf", "stat:/conf/app.conf", "read:/conf/app.conf", "read:/etc/app.conf", "write:/conf/x=1",
		"stat:/data", "write:/data/x=1", "stat:/part", "write:/part/x=1",
	}
	runAs := func(user string, prof profile.Profile, steps ...string) string {
		t.Helper()
		p := pod
		c := b.startPod(target.Target{User: user, Args: steps, Mounts: mounts, Pod: &p, Completes: true}, facts, prof)
		if err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		logs, err := c.Logs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return logs
	}
	run := func(group *int64) string {
		t.Helper()
		pod.FSGroup = group
		return runAs("", sealed(), steps...)
	}
	expect(t, run(nil), `
read:/conf/sub/more: deep
list:/conf: ..data ..podseal app.conf sub
stat:/conf/app.conf: 400 0:0
read:/conf/app.conf: error open /conf/app.conf: permission denied
read:/etc/app.conf: error open /etc/app.conf: permission denied
write:/conf/x=1: error open /conf/x: read-only file system
stat:/data: 755 0:0
write:/data/x=1: error open /data/x: permission denied
stat:/part: 777 0:0
write:/part/x=1: ok`)
	expect(t, runAs("1000", profile.Unrestricted(), "stat:/data", "write:/data/x=1"), `
stat:/data: 777 0:0
write:/data/x=1: ok`)
	expect(t, runAs("0:1000", profile.Unrestricted(), "stat:/data"), `
stat:/data: 755 0:0`)
	three := int64(3000)
	expect(t, run(&three), `
read:/conf/sub/more: deep
list:/conf: ..data ..podseal app.conf sub
stat:/conf/app.conf: 440 0:3000
read:/conf/app.conf: mounted
read:/etc/app.conf: mounted
write:/conf/x=1: error open /conf/x: read-only file system
stat:/data: 2775 0:3000
write:/data/x=1: ok
stat:/part: 2777 0:3000
write:/part/x=1: ok`)
	root := int64(0) // is a group like any other: not none
	expect(t, run(&root), `
read:/conf/sub/more: deep
list:/conf: ..data ..podseal app.conf sub
stat:/conf/app.conf: 440 0:0
read:/conf/app.conf: mounted
read:/etc/app.conf: mounted
write:/conf/x=1: error open /conf/x: read-only file system
stat:/data: 2775 0:0
write:/data/x=1: ok
stat:/part: 2777 0:0
write:/part/x=1: ok`)
}

// TestPodGroups: a user whose group the pod gives keeps the image's groups of it, as under a kubelet, in the open run as in
// a sealed one.
func TestPodGroups(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	facts := b.app(nil, file{Name: "etc/", Mode: 0o755},
		file{Name: "etc/passwd", Mode: 0o644, Data: []byte("app:x:1000:1000::/:/app\n")},
		file{Name: "etc/group", Mode: 0o644, Data: []byte("app:x:1000:\nextra:x:5000:app\nother:x:6000:root\n")})
	for _, tt := range []struct {
		name string
		user string
		pod  target.Pod
		want string
	}{
		{"with a group", "1000:2000", target.Pod{}, "1000:2000 groups=2000 5000"},
		{"with groups of the pod", "1000:2000", target.Pod{Groups: []int64{7}}, "1000:2000 groups=7 2000 5000"},
		{"without an entry", "1001:2000", target.Pod{}, "1001:2000 groups=2000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pod := tt.pod
			pod.Name, pod.Original = "web-0", "Pod web"
			first := beside("first", target.Init, facts, []target.VolumeMount{{Volume: "work", Path: "/work"}}, "id", "wait")
			first.Target.User = tt.user
			pod.After = []target.Member{{Name: "beside", Kind: target.Main, Profile: profile.Unrestricted(), Target: first.Target}}
			pod.Volumes = []target.Volume{{Name: "work", Kind: target.EmptyDir}}
			c := b.startPod(target.Target{User: tt.user, Args: []string{"id", "wait"}, Pod: &pod}, facts, profile.Unrestricted())
			if logs := waitLine(t, c, "waiting", 1); !strings.Contains(logs, tt.want) {
				t.Errorf("the target is %s, want %s", logs, tt.want)
			}
			member := c.(*running).members.list[0].box
			if logs := waitLine(t, member, "waiting", 1); !strings.Contains(logs, tt.want) {
				t.Errorf("the container beside it is %s, want %s", logs, tt.want)
			}
		})
	}
}

// TestPodFailures: a failing init container, hook or sidecar is reported by its name.
func TestPodFailures(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	facts := b.app(nil)
	var failed *engine.PodError
	pod := func(m ...target.Member) *target.Pod { return &target.Pod{Name: "web", Original: "Pod web", Before: m} }
	_, err := b.Start(t.Context(), target.Target{
		Image: facts.Ref, Args: []string{"wait"}, Pod: pod(beside("first", target.Init, facts, nil, "read:/nothing", "exit:3")),
	}, facts, profile.Unrestricted())
	if !errors.As(err, &failed) || failed.What != "init container first exited 3" || !strings.Contains(failed.Output, "no such file") {
		t.Errorf("a failing init container gives %v", err)
	}
	missing := beside("first", target.Init, facts, nil)
	missing.Target.Entrypoint = []string{"/nope"}
	_, err = b.Start(t.Context(), target.Target{Image: facts.Ref, Args: []string{"wait"}, Pod: pod(missing)}, facts, profile.Unrestricted())
	if !errors.As(err, &failed) || failed.What != "init container first exited 127" || !strings.Contains(failed.Output, "/nope") {
		t.Errorf("an init container without its program gives %v", err)
	}
	_, err = b.Start(t.Context(), target.Target{
		Name: "main", Image: facts.Ref, Args: []string{"wait"}, Pod: pod(), PostStart: &target.Hook{Argv: []string{"/app", "exit:4"}},
	}, facts, profile.Unrestricted())
	if !errors.As(err, &failed) || failed.What != "the postStart hook of main exited 4" {
		t.Errorf("a failing hook gives %v", err)
	}
	c := b.startPod(target.Target{Args: []string{"wait"}, Pod: pod(beside("proxy", target.Sidecar, facts, nil, "env:NONE", "exit:5"))},
		facts, profile.Unrestricted())
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		state, err := c.State(t.Context())
		if err != nil || time.Now().After(end) {
			t.Fatalf("the end of a sidecar is not told: %+v, %v", state, err)
		}
		if state.Other == "sidecar proxy exited 5, saying: env:NONE:," {
			break
		}
	}
}

// TestCompletedContainer: the rest of the pod starts with Proceed when the target has run to its end, and again after a
// restart; commands are executed in the pod's default container.
func TestCompletedContainer(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	facts := b.app(nil)
	shared := []target.VolumeMount{{Volume: "work", Path: "/work"}}
	c := b.startPod(target.Target{
		Name: "migrate", Args: []string{"append:/work/made=x"}, Mounts: shared, Completes: true,
		Pod: &target.Pod{
			Name: "web", Kind: target.Init, Original: "Pod web", Default: "main", Volumes: []target.Volume{{Name: "work", Kind: target.EmptyDir}},
			After: []target.Member{beside("main", target.Main, facts, shared, "wait")},
		},
	}, facts, profile.Unrestricted())
	own := c.ID()
	for _, want := range []string{"read:/work/made: x", "read:/work/made: xx"} {
		if err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := c.Proceed(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c.ID() == own {
			t.Error("the container that commands are meant for is still the target")
		}
		code, out, err := c.ExecDefault(t.Context(), []string{"/app", "read:/work/made"})
		if err != nil || code != 0 || strings.TrimSpace(out) != want {
			t.Errorf("ExecDefault = %d, %q, %v, want %q", code, out, err, want)
		}
		if err := c.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
