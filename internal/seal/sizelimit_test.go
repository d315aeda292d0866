package seal

import (
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
