package seal

import (
	"strings"
	"testing"

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
