package enginetest_test

import (
	"math/rand"
	"slices"
	"strings"
	"testing"
	"testing/quick"
	"testing/synctest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/engine/enginetest"
	"github.com/podseal/podseal/internal/profile"
)

func parse(t *testing.T, archive string) enginetest.Case {
	t.Helper()
	_, c, err := enginetest.Parse(txtar.Parse([]byte(archive)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTry(t *testing.T) {
	const app = `
-- config --
user 1000
-- app --
start after 2s write /late/file
start unless /never write /start/file
e2e write /e2e/file fails
e2e once /e2e/pushed fails
stop write /stop/file
`
	c := parse(t, app+"-- image --\nd 0755 1000:1000 /late\nd 0755 1000:1000 /start\nd 0755 1000:1000 /e2e\nd 0755 1000:1000 /stop\n")
	synctest.Test(t, func(t *testing.T) {
		try := func(p profile.Profile) enginetest.Outcome {
			o, err := enginetest.Try(c, p)
			if err != nil {
				t.Fatal(err)
			}
			return o
		}
		open := try(profile.Unrestricted())
		if want := (enginetest.Outcome{Started: true, Passed: true, Back: true}); open != want {
			t.Fatalf("open: %+v, want %+v", open, want)
		}
		all := []string{"/e2e", "/late", "/start", "/stop"}
		if o := try(sealed(1000, all...)); !o.Covers(open) {
			t.Errorf("with all mounts: %+v", o)
		}
		for i, m := range all {
			if o := try(sealed(1000, slices.Delete(slices.Clone(all), i, i+1)...)); o.Covers(open) {
				t.Errorf("without %s: %+v", m, o)
			}
		}
		got, err := enginetest.Minimal(c, sealed(1000, append(all, "/unused")...))
		if err != nil || len(got) != 1 || len(got[0]) != 4 {
			t.Errorf("Minimal: %v, %v, want one set of 4 mounts", got, err)
		}
	})
}

// TestMinimalFindsAlternatives has an application that one of two mounts satisfies, and a third that must not hide content.
func TestMinimalFindsAlternatives(t *testing.T) {
	c := parse(t, `
-- image --
d 0777 0:0 /a
d 0777 0:0 /b
f 0644 0:0 /conf/main
-- app --
start unwritable /a write /b/file
start read /conf/main
`)
	got, err := enginetest.Minimal(c, sealed(1000, "/a", "/b", "/conf"))
	if err != nil || len(got) != 2 || len(got[0]) != 1 || got[0][0].Path != "/a" || len(got[1]) != 1 || got[1][0].Path != "/b" {
		t.Errorf("Minimal: %v, %v, want /a or /b", got, err)
	}
}

func TestUndisturbed(t *testing.T) {
	c := parse(t, "-- app --\nstart in-run 1 kill\ne2e chance 1 fail\ne2e|stop fail\n").Undisturbed()
	if len(c.Script) != 1 || !slices.Equal(c.Script[0].Phases, []string{"e2e"}) {
		t.Errorf("%+v", c.Script)
	}
}

// TestGenerate makes sure that generated applications pass undisturbed, are repeatable, and differ in their needs.
func TestGenerate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		needs, words := map[int]int{}, map[string]bool{}
		check := func(seed int64) bool {
			traits := enginetest.Traits{Flaky: seed%2 == 0, Killed: seed%3 == 0, Racing: seed%5 == 0, Repeated: seed%7 == 0}
			a := enginetest.Generate(rand.New(rand.NewSource(seed)), traits)
			again := enginetest.Generate(rand.New(rand.NewSource(seed)), traits)
			if string(txtar.Format(a)) != string(txtar.Format(again)) {
				t.Errorf("seed %d: two applications", seed)
			}
			_, c, err := enginetest.Parse(a)
			if err != nil {
				t.Errorf("seed %d: %v", seed, err)
				return false
			}
			for _, o := range c.Script {
				words[o.Verb] = true
				words[strings.Join(o.Phases, "|")] = true
			}
			o, err := enginetest.Try(c.Undisturbed(), profile.Unrestricted())
			if err != nil || !o.Covers(o) {
				t.Errorf("seed %d: open %+v, %v", seed, o, err)
			}
			needs[mountsNeeded(t, c.Undisturbed())]++
			return !t.Failed()
		}
		if err := quick.Check(check, &quick.Config{MaxCount: 300}); err != nil {
			t.Error(err)
		}
		t.Logf("plain mounts that suffice: %v", needs)
		for n := -1; n < 3; n++ {
			if needs[n] == 0 {
				t.Errorf("no application of 300 needs %d mounts (-1: plain mounts do not suffice)", n)
			}
		}
		for _, w := range strings.Fields("write temp mkdir read chmod owned listen drop fail once kill e2e|stop") {
			if !words[w] {
				t.Errorf("no application of 300 has %s", w)
			}
		}
	})
}

// mountsNeeded returns how many plain mounts suffice for uid 1000, -1 if none do.
func mountsNeeded(t *testing.T, c enginetest.Case) int {
	t.Helper()
	p := profile.Profile{User: profile.User{UID: 1000, GID: 1000}, LowPorts: true}
	for _, o := range c.Script {
		if dir, _, ok := strings.Cut(strings.TrimPrefix(o.Arg(), "/"), "/shipped"); ok || strings.Contains(o.Arg(), "/made") {
			dir, _, _ = strings.Cut(dir, "/made")
			p = p.WithMount(profile.Mount{Path: "/" + dir, Kind: profile.Plain})
		}
	}
	sets, err := enginetest.Minimal(c, p)
	if err != nil {
		t.Fatal(err)
	}
	if len(sets) == 0 {
		return -1
	}
	return len(sets[0])
}

// TestApplicationIsForQuick makes sure that testing/quick can generate and print applications.
func TestApplicationIsForQuick(t *testing.T) {
	if err := quick.Check(func(a enginetest.Application) bool {
		return strings.Contains(a.String(), "-- app --\n")
	}, &quick.Config{MaxCount: 20}); err != nil {
		t.Error(err)
	}
}
