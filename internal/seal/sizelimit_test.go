package seal

import (
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

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
