package seal

import (
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

func TestLimitable(t *testing.T) {
	pod := &target.Pod{Volumes: []target.Volume{
		{Name: "scratch", Kind: target.EmptyDir}, {Name: "data", Kind: target.Claim}, {Name: "host", Kind: target.Host},
	}}
	given := target.Target{Pod: pod, Mounts: []target.VolumeMount{
		{Path: "/tmp", Volume: "scratch"}, {Path: "/data", Volume: "data"}, {Path: "/host", Volume: "host"}, {Path: "/gone", Volume: "unknown"},
	}}
	for path, want := range map[string]bool{"/new": true, "/tmp": true, "/data": false, "/host": false, "/gone": false, "/data/below": true} {
		if got := limitable(given, profile.Mount{Path: path}); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	if !limitable(target.Target{}, profile.Mount{Path: "/tmp"}) {
		t.Error("a mount of an image without a pod has no limit")
	}
}

// An emptyDir that several containers share gets no sizeLimit, and the report says so where limits were asked for.
func TestSharedVolumeWithoutLimit(t *testing.T) {
	x := target.Target{
		Mounts: []target.VolumeMount{{Volume: "shared", Path: "/work"}, {Volume: "own", Path: "/own", Own: true}, {Volume: "read", Path: "/read", ReadOnly: true}},
		Pod:    &target.Pod{Volumes: []target.Volume{{Name: "shared", Kind: target.EmptyDir}, {Name: "own", Kind: target.EmptyDir}, {Name: "read", Kind: target.EmptyDir}}},
	}
	got := explanation{limits: true, target: x}.limitReasons(profile.Profile{})
	if len(got) != 1 || got[0].Field != "sizeLimit /work" || !strings.Contains(got[0].Why, "volume shared is shared") {
		t.Errorf("got %+v", got)
	}
	if got := (explanation{target: x}).limitReasons(profile.Profile{}); len(got) != 0 {
		t.Errorf("without --size-limits: %+v", got)
	}
}

// TestLimitReasons: the reason for a sizeLimit says what else counts against it.
func TestLimitReasons(t *testing.T) {
	at := func(kind profile.MountKind, medium profile.Medium) string {
		m := profile.Mount{Path: "/data", Kind: kind, Medium: medium, SizeLimit: 32 << 20}
		p := profile.Profile{}.WithMount(m).WithMount(profile.Mount{Path: "/unlimited"})
		used := Round{Profile: p, Observation: observe.Observation{Usage: []observe.Usage{{Path: "/data", Bytes: 5 << 20, Files: 3}}}}
		reasons := explanation{limits: true, rounds: []Round{used}}.limitReasons(p)
		if len(reasons) != 1 || reasons[0].Field != "sizeLimit /data" || !strings.HasPrefix(reasons[0].Why, "32 MiB: the runs left at most 5242880 bytes in 3 files") {
			t.Errorf("%s: %+v", kind, reasons)
			return ""
		}
		return reasons[0].Why
	}
	const copied, memory = "the copy of the image's content is part of it", "it counts against the memory limit"
	for _, c := range []struct {
		kind           profile.MountKind
		medium         profile.Medium
		copied, memory bool
	}{{profile.Plain, profile.Disk, false, false}, {profile.Seeded, profile.Disk, true, false}, {profile.Owned, profile.Memory, false, true}} {
		if why := at(c.kind, c.medium); strings.Contains(why, copied) != c.copied || strings.Contains(why, memory) != c.memory {
			t.Errorf("%s %s: %s", c.kind, c.medium, why)
		}
	}
}

// TestSizeLimit: a limit is a power of two of at least 16 MiB, and four times what the files take on a disk.
func TestSizeLimit(t *testing.T) {
	for _, c := range []struct{ bytes, files, want int64 }{{0, 0, 16}, {4 << 20, 0, 16}, {4<<20 + 1, 0, 32}, {0, 1024, 16}, {0, 1025, 32}, {100 << 20, 9, 512}} {
		if got := sizeLimit(observe.Usage{Bytes: c.bytes, Files: int(c.files)}); got != c.want<<20 {
			t.Errorf("%d bytes in %d files: %d MiB, want %d", c.bytes, c.files, got>>20, c.want)
		}
	}
}

// TestWithLimits: a mount gets a sizeLimit if a run measured it and its volume can have one.
func TestWithLimits(t *testing.T) {
	p := profile.Profile{}
	var used observe.Observation
	for _, at := range []string{"/data", "/claim", "/unmeasured"} {
		p = p.WithMount(profile.Mount{Path: at, Kind: profile.Plain})
		if at != "/unmeasured" {
			used.Usage = append(used.Usage, observe.Usage{Path: at, Bytes: 1})
		}
	}
	e := explanation{limits: true, rounds: []Round{{Observation: used}}, target: target.Target{
		Mounts: []target.VolumeMount{{Volume: "claim", Path: "/claim"}},
		Pod:    &target.Pod{Volumes: []target.Volume{{Name: "claim", Kind: target.Claim}}},
	}}
	for at, want := range map[string]bool{"/data": true, "/claim": false, "/unmeasured": false} {
		if m, _ := e.withLimits(p).Mount(at); (m.SizeLimit > 0) != want {
			t.Errorf("%s: %d", at, m.SizeLimit)
		}
	}
}

// TestMost: the largest usage of a mount in a sealed run counts, neither that of the open run nor that of another mount.
func TestMost(t *testing.T) {
	usage := func(at string, bytes int64) observe.Observation {
		return observe.Observation{Usage: []observe.Usage{{Path: at, Bytes: bytes}}}
	}
	e := explanation{rounds: []Round{
		{Profile: profile.Unrestricted(), Observation: usage("/data", 9)},
		{Observation: usage("/data", 1)},
		{Observation: usage("/data", 3)},
		{Observation: usage("/data", 2)},
		{Observation: usage("/other", 8)},
	}}
	if u, ok := e.most("/data"); !ok || u.Bytes != 3 {
		t.Errorf("most is %+v (%v)", u, ok)
	}
	if u, ok := e.most("/none"); ok {
		t.Errorf("most of nothing is %+v", u)
	}
}
