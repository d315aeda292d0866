package seal_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/engine/enginetest"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/target"
)

// twoSuites writes a folder for each of two commands.
const twoSuites = `
-- image --
f 0755 0:0 /bin/sh
d 0755 1000:1000 /orders
d 0755 1000:1000 /mail
-- config --
user 1000
-- app --
e2e write /orders/1 fails
probe write /mail/1 fails
`

// TestSuites: the proof of each mount names the suite that needs it, and the suites together need what the same commands
// need without suites.
func TestSuites(t *testing.T) {
	orders := target.Command{Inside: true, Argv: []string{"e2e"}, Suite: "orders"}
	mail := target.Command{Inside: true, Argv: []string{"probe"}, Suite: "mail"}
	res := sealCommands(t, orders, mail)
	suites := map[string]string{}
	for _, p := range res.Proofs {
		suites[p.Relaxation] = p.Suite
		if p.Suite != "" && !strings.Contains(p.Text, "of suite "+p.Suite+" exited 1") {
			t.Errorf("the text does not name the suite: %s", p.Text)
		}
	}
	if suites["mount /orders"] != "orders" || suites["mount /mail"] != "mail" {
		t.Errorf("got %v", suites)
	}
	orders.Suite, mail.Suite = "", ""
	if whole := sealCommands(t, orders, mail); !whole.Profile.Equal(res.Profile) {
		t.Errorf("got %+v, want %+v", res.Profile, whole.Profile)
	}
	half := sealCommands(t, orders).Profile
	for _, r := range append(sealCommands(t, mail).Profile.Relaxations(), half.Relaxations()...) {
		if !hasRelaxation(res.Profile, r) {
			t.Errorf("a suite alone needs %s, both do not", r.ID)
		}
	}
}

func hasRelaxation(p profile.Profile, r profile.Relaxation) bool {
	for _, own := range p.Relaxations() {
		if own.ID == r.ID {
			return true
		}
	}
	return false
}

func sealCommands(t *testing.T, commands ...target.Command) (res seal.Result) {
	t.Helper()
	e, _, err := enginetest.Parse(txtar.Parse([]byte(twoSuites)))
	if err != nil {
		t.Fatal(err)
	}
	tgt := target.Target{Image: "app", Ready: target.Ready{Timeout: time.Minute}, Commands: commands}
	synctest.Test(t, func(t *testing.T) {
		var err error
		if res, err = seal.Run(context.Background(), e, tgt, seal.Options{Minimize: seal.MinimizeFull, Parallel: 1}); err != nil {
			t.Fatal(err)
		}
	})
	if res.Verdict != seal.Sealed {
		t.Fatalf("%s: %s", res.Verdict, res.Why)
	}
	return res
}
