package seal

import (
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
)

// TestFarthest: the user whose run got farthest is the one to look for exceptions for; of several the first.
func TestFarthest(t *testing.T) {
	for _, c := range []struct{ runs, want string }{
		{"start e2e stop", "stop"},
		{"e2e start", "e2e"},
		{"stop restart e2e", "restart"},
		{"e2e e2e/second", "e2e"},
		{"seed start", "start"},
		{"passed seed/second", "passed"},
	} {
		var tried []candidate
		for name := range strings.FieldsSeq(c.runs) {
			phase, _, _ := strings.Cut(name, "/")
			f := observe.Failure{Kind: observe.Exited, Phase: observe.Phase(phase)}
			switch phase {
			case "seed":
				f = observe.Failure{Kind: observe.SeedFailed, Phase: observe.Start, Path: "/srv"}
			case "passed":
				f = observe.Failure{}
			}
			tried = append(tried, candidate{last: Round{Name: name, Observation: observe.Observation{Failure: f}}})
		}
		if got := farthest(tried).last.Name; got != c.want {
			t.Errorf("%s: %s, want %s", c.runs, got, c.want)
		}
	}
}

// TestRelaxedProfiles: the profiles to try are ordered by how much they give up. Two likely capabilities are tried one by one as
// well, more of them are not.
func TestRelaxedProfiles(t *testing.T) {
	p := profile.Profile{User: profile.User{UID: 5}}.WithMount(profile.Mount{Path: "/run", Kind: profile.Plain})
	const user, root = "readOnlyRootFilesystem | readOnlyRootFilesystem, without mounts | allowPrivilegeEscalation | " +
		"allowPrivilegeEscalation, capabilities | readOnlyRootFilesystem, allowPrivilegeEscalation, capabilities, without mounts | runAsNonRoot", "runAsNonRoot, capabilities | " +
		"runAsNonRoot, readOnlyRootFilesystem, allowPrivilegeEscalation, capabilities, without mounts"
	for _, c := range []struct{ likely, want string }{
		{"", ""},
		{"CHOWN", "runAsNonRoot, capabilities:CHOWN | "},
		{"CHOWN KILL", "runAsNonRoot, capabilities:CHOWN | runAsNonRoot, capabilities:KILL | runAsNonRoot, capabilities:CHOWN, capabilities:KILL | "},
		{"CHOWN KILL MKNOD", "runAsNonRoot, capabilities:CHOWN, capabilities:KILL, capabilities:MKNOD | "},
	} {
		var got []string
		for _, q := range relaxedProfiles(p, p, strings.Fields(c.likely)) {
			name := strings.TrimPrefix(relaxedName(q, p), "with ")
			got = append(got, strings.Replace(name, " given up", "", 1))
		}
		if want := user + " | " + c.want + root; strings.Join(got, " | ") != want {
			t.Errorf("%s:\n got %s\nwant %s", c.likely, strings.Join(got, " | "), want)
		}
	}
}

// TestRelaxedProfilesOnce: no profile is tried twice, nor the one that failed.
func TestRelaxedProfilesOnce(t *testing.T) {
	for _, p := range []profile.Profile{{User: profile.User{UID: 5}}, {User: profile.User{UID: 5}, WritableRoot: true}, {}} {
		all := relaxedProfiles(p, p, nil)
		for i, q := range all {
			if q.Equal(p) {
				t.Errorf("%+v is tried again", p)
			}
			for _, o := range all[:i] {
				if o.Equal(q) {
					t.Errorf("%+v is tried twice", q)
				}
			}
		}
	}
	p := profile.Profile{User: profile.User{UID: 5}}
	for _, q := range relaxedProfiles(p, p.WithMount(profile.Mount{Path: "/run", Kind: profile.Plain}), nil) {
		if len(q.Mounts) > 0 && len(q.AddCapabilities) == 0 {
			t.Errorf("the mounts of another user are tried without capabilities: %+v", q)
		}
	}
}

// TestWithoutMounts: what only a mount makes possible is given up with the mounts. A VOLUME is always mounted, and not filled.
func TestWithoutMounts(t *testing.T) {
	p := profile.Profile{WorkingDir: "/workdir"}.WithEnv("HOME", "/home/podseal")
	for _, m := range []profile.Mount{
		{Path: "/run", Kind: profile.Plain}, {Path: "/data", Kind: profile.Seeded, Volume: true}, {Path: "/own", Kind: profile.Owned, Volume: true},
	} {
		p = p.WithMount(m)
	}
	want := profile.Profile{}.WithMount(profile.Mount{Path: "/data", Kind: profile.Plain, Volume: true}).WithMount(profile.Mount{Path: "/own", Kind: profile.Owned, Volume: true})
	if got := withoutMounts(p); !got.Equal(want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if m, _ := p.Mount("/data"); m.Kind != profile.Seeded {
		t.Error("the argument has changed")
	}
}
