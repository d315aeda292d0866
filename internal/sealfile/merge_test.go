package sealfile_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/sealfile"
	"github.com/podseal/podseal/internal/target"
)

// application writes the archive of a fake application with an e2e script.
func application(t *testing.T, lines ...string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "app.txtar")
	text := "-- image --\nf 0755 0:0 /bin/sh\nf 0755 0:0 /bin/mkdir\nd 1777 0:0 /tmp\nd 0755 0:0 /var\nd 0755 1000:1000 /var/a\nd 0755 1000:1000 /var/b\nf 0644 1000:1000 /etc/state\n" +
		"-- config --\nuser 1000:1000\n-- app --\nstart log : ready\n" + strings.Join(lines, "\n") + "\n"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// suite names the suite of all commands, and sets the floor of merged seals.
func suite(name string, floor []sealfile.Entry) func(*target.Target, *seal.Options) {
	return func(t *target.Target, o *seal.Options) {
		for i := range t.Commands {
			t.Commands[i].Suite = name
		}
		if floor == nil {
			return
		}
		f, user, err := sealfile.Floor(floor, image.Facts{})
		if err != nil {
			panic(err)
		}
		o.Floor, o.User = f, &user
	}
}

// entryOf returns the seal of a result as one of a file.
func entryOf(t *testing.T, file string, res seal.Result, merged ...sealfile.Entry) sealfile.Entry {
	t.Helper()
	s, ok := sealfile.New(res, sealfile.Options{Run: sealfile.Run{Date: "2026-01-31T12:00:00Z"}, Merged: merged})
	if !ok {
		t.Fatalf("no seal: %s: %s", res.Verdict, res.Why)
	}
	s.Image.ID = ""
	return sealfile.Entry{Seal: s, File: file, Line: 2}
}

// TestTwoHalvesGiveTheWhole seals an application with each half of its e2e script, the second over the seal of the first, and
// with the whole script.
func TestTwoHalvesGiveTheWhole(t *testing.T) {
	for name, halves := range map[string][2][]string{
		"different mounts":     {{"e2e write /var/a/x fails"}, {"e2e write /var/b/x fails"}},
		"one mount":            {{"e2e write /var/a/x fails"}, {"e2e write /var/a/y fails"}},
		"nothing in one":       {{"e2e log : hello"}, {"e2e write /tmp/x fails", "e2e write /var/b/x fails"}},
		"nothing in the other": {{"e2e write /tmp/x fails"}, {"e2e log : hello"}},
		"a port":               {{"e2e write /var/a/x fails"}, {"start listen 80"}},
		"an exception":         {{"start write /etc/state silent"}, {"e2e write /var/b/x fails"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := entryOf(t, "a.seal.yaml", sealed(t, application(t, halves[0]...), true, 2, suite("one", nil)))
			second := sealed(t, application(t, halves[1]...), true, 2, suite("two", []sealfile.Entry{a}))
			b := entryOf(t, "b.seal.yaml", second, a)
			whole := sealed(t, application(t, slices.Concat(halves[0], halves[1])...), true, 2, suite("both", nil))
			if d := cmp.Diff(whole.Profile, second.Profile); d != "" {
				t.Errorf("-whole +halves:\n%s", d)
			}
			if whole.Verdict != second.Verdict {
				t.Errorf("the whole is %s, the halves are %s: %s", whole.Verdict, second.Verdict, second.Why)
			}
			for _, r := range second.Profile.Relaxations() {
				i := slices.IndexFunc(b.Needs, func(n sealfile.Need) bool { return n.Relaxation == r.ID })
				if i < 0 {
					t.Errorf("nothing says who needed %s: %+v", r.ID, b.Needs)
				}
			}
			if _, ok := second.Proved(); !ok {
				t.Error("no confirmation run of the whole profile")
			}
		})
	}
}

// TestMergedNeeds labels what the merged seal needed.
func TestMergedNeeds(t *testing.T) {
	a := entryOf(t, "a.seal.yaml", sealed(t, application(t, "e2e write /var/a/x fails"), true, 1, suite("one", nil)))
	b := entryOf(t, "b.seal.yaml", sealed(t, application(t, "e2e write /var/b/x fails"), true, 1, suite("two", []sealfile.Entry{a})), a)
	want := []sealfile.Need{{Relaxation: "mount /var/b", Suite: "two"}, {Relaxation: "mount /var/a", Suite: "one", Proved: "a.seal.yaml"}}
	if d := cmp.Diff(want, b.Needs); d != "" {
		t.Error(d)
	}
	i := slices.IndexFunc(b.Fields, func(f sealfile.Field) bool { return f.Field == "mount /var/a" })
	if i < 0 || !strings.HasPrefix(b.Fields[i].Why, "needed by suite one, proved in a.seal.yaml: ") || b.Fields[i].Proof == "" {
		t.Errorf("%+v", b.Fields)
	}
	c := entryOf(t, "c.seal.yaml", sealed(t, application(t, "e2e log : x"), true, 1, suite("three", []sealfile.Entry{b})), b)
	if i := slices.IndexFunc(c.Needs, func(n sealfile.Need) bool { return n.Relaxation == "mount /var/a" }); i < 0 || c.Needs[i].Proved != "a.seal.yaml" {
		t.Errorf("a seal of a merged seal names another proof: %+v", c.Needs)
	}
}

// TestNotMergeable refuses seals of different images and users.
func TestNotMergeable(t *testing.T) {
	entry := func(change func(*sealfile.Seal)) sealfile.Entry {
		s := sealfile.Seal{Image: sealfile.Image{Reference: "app", Digest: "sha256:aa", ID: "sha256:11"}, Profile: profile.Profile{User: profile.User{UID: 5, GID: 5}}}
		change(&s)
		return sealfile.Entry{Seal: s, File: "x.seal.yaml", Line: 2}
	}
	same := func(*sealfile.Seal) {}
	facts := image.Facts{Ref: "app", Digest: "registry.example/app@sha256:aa", ID: "sha256:11"}
	for name, c := range map[string]struct {
		second sealfile.Entry
		facts  image.Facts
		want   string
	}{
		"same":               {entry(same), facts, ""},
		"another digest":     {entry(func(s *sealfile.Seal) { s.Image.Digest = "sha256:bb" }), facts, "x.seal.yaml:2: the seal is for the image sha256:bb, but app is sha256:aa now"},
		"another id":         {entry(func(s *sealfile.Seal) { s.Image.Digest = ""; s.Image.ID = "sha256:22" }), facts, "the seal is for the image sha256:22"},
		"no digest any more": {entry(same), image.Facts{Ref: "app", ID: "sha256:33"}, "the seal is for the image sha256:11, but app is sha256:33"},
		"another user":       {entry(func(s *sealfile.Seal) { s.Profile.User.UID = 6 }), facts, "the seal is for user 6:5, but that of x.seal.yaml is for 5:5"},
		"root":               {entry(func(s *sealfile.Seal) { s.Profile.User.UID = 0 }), facts, "the seal needs root"},
	} {
		_, _, err := sealfile.Floor([]sealfile.Entry{entry(same), c.second}, c.facts)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
