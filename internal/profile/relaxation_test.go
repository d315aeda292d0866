package profile_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/profile"
)

// wide returns a profile with a relaxation of each kind.
func wide() profile.Profile {
	p := profile.Profile{
		User: profile.User{UID: 5, GID: 6, Groups: []int64{7}}, WorkingDir: "/work", LowPorts: true, Ping: true, FSGroup: 6,
		WritableRoot: true, AllowPrivilegeEscalation: true,
	}
	for _, m := range []profile.Mount{
		{Path: "/plain", Kind: profile.Plain},
		{Path: "/memory", Kind: profile.Plain, Medium: profile.Memory},
		{Path: "/owned", Kind: profile.Owned, Private: true},
		{Path: "/seeded", Kind: profile.Seeded, Private: true, Rewritable: true, Partial: true},
		{Path: "/volume", Kind: profile.Owned, Volume: true},
		{Path: "/work", Kind: profile.Plain},
		{Path: "/home/app", Kind: profile.Plain},
	} {
		p = p.WithMount(m)
	}
	return p.WithEnv("HOME", "/home/app").WithEnv("TMPDIR", "/plain").WithCapability("NET_BIND_SERVICE").WithCapability("CHOWN")
}

// TestRelaxations: each step of a profile has an ID, and its Undo removes that step and what depends on it alone.
func TestRelaxations(t *testing.T) {
	type step struct {
		id        string
		kind      profile.RelaxationKind
		path      string
		exception bool
		also      []string // the IDs that go with it
	}
	want := []step{
		{"mount /memory", profile.MountStep, "/memory", false, []string{"memory /memory"}},
		{"memory /memory", profile.MemoryStep, "/memory", false, nil},
		{"mount /owned", profile.MountStep, "/owned", false, []string{"owned /owned"}},
		{"owned /owned", profile.OwnedStep, "/owned", false, nil},
		{"mount /plain", profile.MountStep, "/plain", false, nil},
		{"mount /seeded", profile.MountStep, "/seeded", false, []string{"seeded /seeded"}},
		{"seeded /seeded", profile.SeededStep, "/seeded", false, nil},
		{"owned /volume", profile.OwnedStep, "/volume", false, nil},
		{"sysctl net.ipv4.ip_unprivileged_port_start", profile.SettingStep, "", false, nil},
		{"sysctl net.ipv4.ping_group_range", profile.SettingStep, "", false, nil},
		{"fsGroup", profile.SettingStep, "", false, nil},
		{"workingDir", profile.SettingStep, "", false, nil},
		{"env HOME", profile.SettingStep, "", false, nil},
		{"env TMPDIR", profile.SettingStep, "", false, nil},
		{"capability CHOWN", profile.CapabilityStep, "", true, nil},
		{"capability NET_BIND_SERVICE", profile.CapabilityStep, "", false, nil},
		{"readOnlyRootFilesystem", profile.SettingStep, "", true, nil},
		{"allowPrivilegeEscalation", profile.SettingStep, "", true, nil},
	}
	got := wide().Relaxations()
	for i, r := range got {
		if i >= len(want) {
			t.Errorf("too many: %s", r.ID)
			continue
		}
		w := want[i]
		if r.ID != w.id || r.Kind != w.kind || r.Path != w.path || r.Exception != w.exception {
			t.Errorf("step %d is %+v, want %+v", i, r, w)
		}
		without := r.Undo(wide())
		left := ids(without)
		for _, id := range ids(wide()) {
			gone := id == w.id || slices.Contains(w.also, id)
			if slices.Contains(left, id) == gone {
				t.Errorf("undo of %s: %s is left: %v", w.id, id, !gone)
			}
		}
		if !without.Leq(wide()) || wide().Leq(without) || without.Equal(wide()) {
			t.Errorf("undo of %s is not below the profile", w.id)
		}
		if again := r.Undo(without); !again.Equal(without) {
			t.Errorf("undo of %s, twice, removes more", w.id)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d steps, want %d", len(got), len(want))
	}
}

func ids(p profile.Profile) []string {
	var out []string
	for _, r := range p.Relaxations() {
		out = append(out, r.ID)
	}
	return out
}

// TestUndoAll: without all its relaxations a profile is the full seal of its user, but for its VOLUMEs.
func TestUndoAll(t *testing.T) {
	p := wide()
	for _, r := range p.Relaxations() {
		p = r.Undo(p)
	}
	want := profile.Profile{User: p.User, Env: map[string]string{}}.WithMount(profile.Mount{Path: "/volume", Kind: profile.Plain, Volume: true})
	if !p.Equal(want) || len(p.Exceptions()) > 0 {
		t.Errorf("left: %+v", p)
	}
	if profile.Unrestricted().Relaxations() != nil {
		t.Error("an open profile has relaxations")
	}
}

// TestUndoChangesOneMount: what a mount is otherwise is kept.
func TestUndoChangesOneMount(t *testing.T) {
	for _, r := range wide().Relaxations() {
		if r.Path == "" || r.Kind == profile.MountStep {
			continue
		}
		m, ok := r.Undo(wide()).Mount(r.Path)
		was, _ := wide().Mount(r.Path)
		want := profile.Mount{Path: r.Path, Kind: profile.Plain, Volume: was.Volume}
		if !ok || m != want {
			t.Errorf("undo of %s: %+v, want %+v", r.ID, m, want)
		}
	}
}

// TestLeq: the order of profiles is that of their relaxations, for one user; root is above every other user.
func TestLeq(t *testing.T) {
	user := func(uid, gid int64, groups ...int64) profile.Profile {
		return profile.Profile{User: profile.User{UID: uid, GID: gid, Groups: groups}}
	}
	plain := profile.Mount{Path: "/a", Kind: profile.Plain}
	volume := profile.Mount{Path: "/a", Kind: profile.Plain, Volume: true}
	for _, c := range []struct {
		name         string
		p, q         profile.Profile
		leq, reverse bool
	}{
		{"equal", user(5, 6, 7), user(5, 6, 7), true, true},
		{"open", user(5, 6), profile.Unrestricted(), true, false},
		{"both open", profile.Unrestricted(), profile.Unrestricted(), true, true},
		{"root", user(5, 6), user(0, 0), true, false},
		{"another uid", user(5, 6), user(6, 6), false, false},
		{"another gid", user(5, 6), user(5, 5), false, false},
		{"other groups", user(5, 6, 7), user(5, 6, 8), false, false},
		{"a mount more", user(5, 6), user(5, 6).WithMount(plain), true, false},
		{"a mount and a VOLUME", user(5, 6).WithMount(plain), user(5, 6).WithMount(volume), true, true},
		{"other mounts", user(5, 6).WithMount(plain), user(5, 6).WithMount(profile.Mount{Path: "/b"}), false, false},
		{"a capability as root", user(0, 0), user(0, 0).WithCapability("CHOWN"), true, false},
		{"a user with a mount, root without", user(5, 6).WithMount(plain), user(0, 0), false, false},
	} {
		if got := c.p.Leq(c.q); got != c.leq {
			t.Errorf("%s: %v", c.name, got)
		}
		if got := c.q.Leq(c.p); got != c.reverse {
			t.Errorf("%s, reversed: %v", c.name, got)
		}
	}
}

// TestEqual: profiles that differ in one field are not equal; a sizeLimit is no difference.
func TestEqual(t *testing.T) {
	limited, _ := wide().Mount("/plain")
	limited.SizeLimit = 1 << 20
	if p := wide().WithMount(limited); !p.Equal(wide()) || !wide().Equal(p) {
		t.Error("a sizeLimit is a difference")
	}
	if !profile.Unrestricted().Equal(profile.Profile{Open: true, WritableRoot: true}) {
		t.Error("an open profile has fields that count")
	}
	for name, change := range map[string]func(*profile.Profile){
		"open":       func(p *profile.Profile) { p.Open = true },
		"uid":        func(p *profile.Profile) { p.User.UID++ },
		"gid":        func(p *profile.Profile) { p.User.GID++ },
		"groups":     func(p *profile.Profile) { p.User.Groups = nil },
		"mounts":     func(p *profile.Profile) { *p = p.WithoutMount("/plain") },
		"a mount":    func(p *profile.Profile) { *p = p.WithMount(profile.Mount{Path: "/plain", Kind: profile.Owned}) },
		"workingDir": func(p *profile.Profile) { p.WorkingDir = "/" },
		"env":        func(p *profile.Profile) { *p = p.WithEnv("HOME", "/") },
		"low ports":  func(p *profile.Profile) { p.LowPorts = false },
		"ping":       func(p *profile.Profile) { p.Ping = false },
		"capability": func(p *profile.Profile) { *p = p.WithoutCapability("CHOWN") },
		"fsGroup":    func(p *profile.Profile) { p.FSGroup = 0 },
		"seeding":    func(p *profile.Profile) { p.Seeding.Image = "busybox" },
		"root":       func(p *profile.Profile) { p.WritableRoot = false },
		"escalation": func(p *profile.Profile) { p.AllowPrivilegeEscalation = false },
	} {
		p := wide()
		change(&p)
		if p.Equal(wide()) || wide().Equal(p) {
			t.Errorf("%s is no difference", name)
		}
	}
}

// TestExceptions names the settings by which a profile falls short of a seal.
func TestExceptions(t *testing.T) {
	root := wide()
	root.User = profile.User{}
	for _, c := range []struct {
		p    profile.Profile
		want string
	}{
		{profile.Profile{User: profile.User{UID: 5}}, ""},
		{profile.Unrestricted(), "unrestricted"},
		{wide(), "readOnlyRootFilesystem allowPrivilegeEscalation capabilities:CHOWN"},
		{root, "runAsNonRoot readOnlyRootFilesystem allowPrivilegeEscalation capabilities:CHOWN"},
	} {
		if got := strings.Join(c.p.Exceptions(), " "); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

// TestMounts: a mount is found by its path, or by a path below it, the deepest one first. Changes leave the profile alone.
func TestMounts(t *testing.T) {
	p := profile.Profile{}.WithMount(profile.Mount{Path: "/srv/"}).WithMount(profile.Mount{Path: "/srv/a/b"}).WithMount(profile.Mount{Path: "/data"})
	for at, want := range map[string]string{
		"/srv": "/srv", "/srv/a": "/srv", "/srv/a/b": "/srv/a/b", "/srv/a/b/c": "/srv/a/b", "/srv/a/bc": "/srv", "/srvx": "", "/data/x": "/data", "/": "",
	} {
		if m, ok := p.Covering(at); m.Path != want || ok != (want != "") {
			t.Errorf("%s is covered by %q", at, m.Path)
		}
	}
	if m, ok := p.Mount("/srv/a/"); ok {
		t.Errorf("a mount at /srv/a: %+v", m)
	}
	if _, ok := p.Mount("/srv/a/b/"); !ok {
		t.Error("no mount at /srv/a/b")
	}
	if _, ok := (profile.Profile{}).WithMount(profile.Mount{Path: "/"}).Covering("/x"); !ok {
		t.Error("/ covers nothing")
	}
	before := fmt.Sprint(p)
	p.WithMount(profile.Mount{Path: "/a"}).WithoutMount("/srv").WithoutMount("/data")
	again := p.WithCapability("B").WithCapability("A").WithCapability("B")
	again.WithoutCapability("A").WithEnv("X", "y")
	if got := fmt.Sprint(p); got != before {
		t.Errorf("changed: %s", got)
	}
	if !slices.Equal(again.AddCapabilities, []string{"A", "B"}) {
		t.Errorf("capabilities %v", again.AddCapabilities)
	}
}

// TestNeedsInit: an init container makes owned and seeded mounts, and only those.
func TestNeedsInit(t *testing.T) {
	for kind, want := range map[profile.MountKind]bool{profile.Plain: false, profile.Owned: true, profile.Seeded: true} {
		m := profile.Mount{Path: "/x", Kind: kind}
		if got := m.NeedsInit(); got != want || (m.SeedCommand("/seed") != nil) != want || (len(m.SeedPrograms()) > 0) != want {
			t.Errorf("%s: %v", kind, got)
		}
	}
}
