package seal

import (
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// TestChoicesOfPod: a folder in a volume of the pod is no choice of the seal, unless the volume is an emptyDir of the container.
func TestChoicesOfPod(t *testing.T) {
	s := explanation{target: target.Target{
		Mounts: []target.VolumeMount{{Volume: "data", Path: "/data"}, {Volume: "scratch", Path: "/scratch", Own: true}},
		Pod:    &target.Pod{},
	}}
	s.c.plan = plan.Plan{Folders: []diff.Folder{{Path: "/data/db"}, {Path: "/run"}, {Path: "/scratch"}}}
	p := profile.Profile{}
	for _, at := range []string{"/run", "/scratch"} {
		p = p.WithMount(profile.Mount{Path: at, Kind: profile.Plain})
	}
	var got []string
	for _, c := range s.choices(Result{Profile: p}) {
		got = append(got, c.Path+": "+c.Said())
	}
	const want = "/data/db: volume data\n/run: mount\n/scratch: mount"
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}
