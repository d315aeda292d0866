package sealing

import (
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trial"
)

func round(uid int64, outcome trial.Outcome, failure, logs string) seal.Round {
	return seal.Round{
		Outcome: outcome, Profile: profile.Profile{User: profile.User{UID: uid, GID: uid}},
		Observation: observe.Observation{Failure: observe.Failure{Text: failure}, Logs: logs},
	}
}

func TestAdviceAfterRuns(t *testing.T) {
	ways := []seal.Way{{Kind: "pin", Says: "pin uid 7"}, {Kind: "dockerfile", Says: "declare the user", Snippet: "USER 7:7\n"}}
	res := seal.Result{
		Advice:     &seal.Advice{Ways: ways},
		Exceptions: []seal.Exception{{Setting: "runAsNonRoot", Fix: "old"}, {Setting: "capability:CHOWN", Fix: "old"}},
		Rounds: []seal.Round{
			round(7, trial.Failed, "cannot read /key", ""), round(7, trial.Inconclusive, "killed", ""), round(0, trial.Passed, "", ""),
		},
	}
	got := After(res)
	if len(got.Advice.Ways) != 1 || !strings.Contains(got.Advice.Ways[0].Says, "as uid 7 (it failed: cannot read /key)") {
		t.Errorf("ways %+v", got.Advice.Ways)
	}
	if !strings.Contains(got.Exceptions[0].Fix, "as uid 7") || got.Exceptions[1].Fix != "old" {
		t.Errorf("exceptions %+v", got.Exceptions)
	}
	if res.Exceptions[0].Fix != "old" || len(res.Advice.Ways) != 2 {
		t.Error("the given result was changed")
	}
	res.Rounds = res.Rounds[:0]
	if got := After(res); got.Exceptions[0].Fix != "old" {
		t.Error("without runs the advice changed")
	}
}

func TestAdviceNamesAMissingAccount(t *testing.T) {
	res := seal.Result{
		Image:      image.Facts{Config: &v1.ConfigFile{Config: v1.Config{User: "185"}}},
		Exceptions: []seal.Exception{{Setting: "runAsNonRoot"}},
		Rounds:     []seal.Round{round(185, trial.Failed, "exited with code 1", "KeyError: 'getpwuid(): uid not found: 185'")},
	}
	if fix := After(res).Exceptions[0].Fix; !strings.Contains(fix, "give uid 185 an account") {
		t.Error(fix)
	}
	res.Exceptions = []seal.Exception{{Setting: "readOnlyRootFilesystem", Fix: "old"}}
	if fix := After(res).Exceptions[0].Fix; fix != "old" {
		t.Errorf("no run wrote an account: %s", fix)
	}
	res.Rounds[0].Observation.Changes = []observe.Change{{Path: "/etc/passwd"}}
	if fix := After(res).Exceptions[0].Fix; !strings.Contains(fix, "give uid 185 an account") {
		t.Error(fix)
	}
	if why := After(res).Why; why != "" {
		t.Errorf("the account became the reason of another verdict: %s", why)
	}
	res.Verdict, res.Why = seal.NotSealable, "it fails"
	if why := After(res).Why; !strings.Contains(why, "it fails; give uid 185 an account") {
		t.Error(why)
	}
	res.Rounds[0].Observation.Logs = ""
	if got := After(res); got.Why != "it fails" || got.Exceptions[0].Fix != "old" {
		t.Errorf("no run missed an account: %q, fix %q", got.Why, got.Exceptions[0].Fix)
	}
}

func TestProofOf(t *testing.T) {
	e2e := target.Target{Commands: []target.Command{{Argv: []string{"client", "-p", "hunter2"}}}}
	user := profile.Profile{User: profile.User{UID: 5, GID: 6}, Mounts: []profile.Mount{{Path: "/data"}}}
	failed := seal.Result{Verdict: seal.NotTestable, Rounds: []seal.Round{round(5, trial.Failed, "not ready", "")}}
	tests := []struct {
		name       string
		alone, res seal.Result
		proved     bool
		want       string
	}{
		{"sealed", seal.Result{}, seal.Result{Verdict: seal.Sealed, Profile: user}, true, "sealed, as user 5:6"},
		{"with exceptions", seal.Result{}, seal.Result{Verdict: seal.SealedWithExceptions, Profile: user}, true, "the seal has exceptions"},
		{"in a pod only", failed, seal.Result{Verdict: seal.Sealed, Profile: user}, true, "By itself it does not: not ready; --writes /data"},
		{"not testable", failed, failed, false, "even as root"},
		{"nothing ran", seal.Result{}, seal.Result{Verdict: seal.NotTestable, Why: "no shell"}, false, "no shell"},
		{"root", seal.Result{}, seal.Result{Verdict: seal.Sealed}, false, "the changed image is sealed"},
		{"root by exception", seal.Result{}, seal.Result{Verdict: seal.SealedWithExceptions, Profile: user, Exceptions: []seal.Exception{{Setting: "runAsNonRoot"}}}, false, "sealed with exceptions"},
		{"not sealable", seal.Result{}, seal.Result{Verdict: seal.NotSealable, Profile: user, Why: "two\nlines"}, false, "not sealable: two lines"},
	}
	for _, tt := range tests {
		p := proofOf(e2e, tt.alone, tt.res)
		if p.Proved != tt.proved || !strings.Contains(p.Why, tt.want) || strings.Contains(p.Why, "hunter2") {
			t.Errorf("%s: %+v, want %v %q", tt.name, p, tt.proved, tt.want)
		}
	}
	if p := proofOf(target.Target{}, seal.Result{}, seal.Result{Verdict: seal.Sealed, Profile: user}); !strings.Contains(p.Why, "no e2e command") {
		t.Error(p.Why)
	}
}
