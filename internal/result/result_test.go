package result

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/batch"
	"github.com/podseal/podseal/internal/config"
	"github.com/podseal/podseal/internal/deliver"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/redact"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/target"
)

// planned returns the results for an image whose plan was asked for.
func planned(env ...target.EnvVar) []batch.Sealed {
	res := seal.Result{
		Target: target.Target{Image: "img", Env: env}, Verdict: seal.Planned,
		Profile: profile.Profile{User: profile.User{UID: 1, GID: 1}},
	}
	return []batch.Sealed{{
		Results: []seal.Result{res},
		Input:   deliver.Input{Containers: []deliver.Container{{Outcome: deliver.Outcome{Target: res.Target, Profile: res.Profile}}}},
	}}
}

func TestOf(t *testing.T) {
	r := &redact.Redactor{}
	r.Hide("hunter2")
	var out bytes.Buffer
	item := batch.Item{Deliver: deliver.Options{Format: config.FormatYAML}}
	got := Of(item, planned(target.EnvVar{Name: "PASSWORD", Value: "hunter2"}), Options{Redact: r})
	if err := got.Write(nil, &out); err != nil || got.Refused != nil || len(got.Hidden) != 1 || got.Hidden[0] != "PASSWORD" {
		t.Fatalf("%v, %+v", err, got)
	}
	if strings.Contains(out.String(), "hunter2") || !strings.Contains(out.String(), "kind: Pod") {
		t.Errorf("wrote\n%s", &out)
	}
	item.Deliver.Format = "compose" // of a profile that is never written
	open := planned()
	open[0].Input.Containers[0].Outcome.Profile = profile.Unrestricted()
	got = Of(item, open, Options{})
	if coded := new(exitcode.Error); !errors.As(got.Refused, &coded) || coded.Code != exitcode.Usage || len(got.Reports.Reports) != 1 {
		t.Errorf("refused %v with %+v", got.Refused, got.Reports)
	}
}

// TestSealNeedsAProof: no seal file is written for a profile without one.
func TestSealNeedsAProof(t *testing.T) {
	item := batch.Item{SealFile: "x.seal.yaml", Deliver: deliver.Options{Format: config.FormatYAML}}
	if err := Of(item, planned(), Options{}).Write(nil, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "has no proof") {
		t.Errorf("got %v", err)
	}
}

// TestTargets: a target that fails does not lose the others, and the errors name their targets.
func TestTargets(t *testing.T) {
	f, err := config.Parse("podseal.yaml", []byte("version: 1\ntargets:\n  - {name: good, image: img, commands: []}\n  - {name: bad, image: img, commands: []}\n"))
	if err != nil {
		t.Fatal(err)
	}
	var items []batch.Item
	for _, name := range []string{"good", "bad"} {
		items = append(items, batch.Item{Name: name, Deliver: deliver.Options{Format: config.FormatYAML}})
	}
	w, err := batch.OpenAll(f, items)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	targets := NewTargets(items, w, Options{})
	if said := targets.Finished(t.Context(), 1, batch.Finished{Item: items[1], Err: errors.New("no\nengine")}); said != "failed: no\nengine" {
		t.Errorf("said %q", said)
	}
	if said := targets.Finished(t.Context(), 0, batch.Finished{Item: items[0], Sealed: planned()}); said != string(seal.Planned) {
		t.Errorf("said %q", said)
	}
	all, failed := targets.End()
	if len(failed) != 1 || failed[0].Error() != "target bad: no\nengine" || len(all.Errors) != 1 || all.Errors[0].Message != "no engine" {
		t.Errorf("failed %v, %+v", failed, all.Errors)
	}
	var text bytes.Buffer
	if err := targets.Text(&text, report.TextOptions{}); err != nil || !strings.HasPrefix(text.String(), "target good\n") || strings.Contains(text.String(), "target bad") {
		t.Errorf("%v\n%s", err, &text)
	}
	if len(all.Reports) != 1 || !strings.Contains(string(w.Stdout()), "kind: Pod") {
		t.Errorf("%d reports, %s", len(all.Reports), w.Stdout())
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if said := targets.Finished(ended, 1, batch.Finished{Item: items[1], Err: ended.Err()}); said != "interrupted" {
		t.Errorf("said %q", said)
	}
}
