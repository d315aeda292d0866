package seal

import (
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/profile"
)

// TestFloor: what other runs proved to be needed is kept, and explained by them.
func TestFloor(t *testing.T) {
	mount := func(p profile.Profile, at string) profile.Profile {
		return p.WithMount(profile.Mount{Path: at, Kind: profile.Plain})
	}
	f := &Floor{
		Profile: mount(profile.Profile{WritableRoot: true}, "/run"),
		Reasons: []profile.Reason{{Field: "mount /run", Why: "of the floor"}},
		Exceptions: []Exception{
			{Setting: "readOnlyRootFilesystem", Why: "of the floor"}, {Setting: "restart", Why: "of the floor"},
		},
	}
	held := func(f *Floor) string {
		var out []string
		for _, r := range mount(f.over(mount(profile.Profile{LowPorts: true}, "/srv")), "/run").Relaxations() {
			if f.holds(r) {
				out = append(out, r.ID)
			}
		}
		return strings.Join(out, ", ")
	}
	if got := held(f); got != "mount /run, readOnlyRootFilesystem" {
		t.Errorf("held: %s", got)
	}
	if got := held(nil); got != "" {
		t.Errorf("held without a floor: %s", got)
	}
	reasons := []profile.Reason{{Field: "runAsUser", Why: "own"}, {Field: "mount /run", Why: "own"}}
	if got := f.explain(reasons); len(got) != 2 || got[0] != reasons[0] || got[1].Why != "of the floor" {
		t.Errorf("reasons: %+v", got)
	}
	if got := (*Floor)(nil).explain(reasons); len(got) != 2 || got[1] != reasons[1] {
		t.Errorf("reasons without a floor: %+v", got)
	}
}

// TestFloorJudge: a seal over a floor with exceptions has these exceptions, each once.
func TestFloorJudge(t *testing.T) {
	f := &Floor{Exceptions: []Exception{{Setting: "readOnlyRootFilesystem", Why: "of the floor"}, {Setting: "restart", Why: "of the floor"}}}
	own := Exception{Setting: "restart", Why: "own"}
	open := profile.Profile{User: profile.User{UID: 5}, WritableRoot: true}
	for _, c := range []struct {
		name    string
		floor   *Floor
		found   finding
		verdict Verdict
		want    string
	}{
		{"no floor", nil, finding{verdict: Sealed, profile: open}, Sealed, ""},
		{"nothing is given up", f, finding{verdict: Sealed, profile: profile.Profile{User: profile.User{UID: 5}}}, Sealed, ""},
		{"the root is writable", f, finding{verdict: Sealed, profile: open}, SealedWithExceptions, "readOnlyRootFilesystem of the floor, restart of the floor"},
		{
			"the run has an exception as well", f,
			finding{verdict: Sealed, profile: open, exceptions: []Exception{own}},
			SealedWithExceptions,
			"restart own, readOnlyRootFilesystem of the floor",
		},
	} {
		got := c.floor.judge(c.found)
		var said []string
		for _, x := range got.exceptions {
			said = append(said, x.Setting+" "+x.Why)
		}
		if s := strings.Join(said, ", "); got.verdict != c.verdict || s != c.want {
			t.Errorf("%s: %s with %s, want %s with %s", c.name, got.verdict, s, c.verdict, c.want)
		}
	}
}
