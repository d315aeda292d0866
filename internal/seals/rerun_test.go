package seals_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/batch"
	"github.com/podseal/podseal/internal/engine/enginetest"
	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/sealfile"
	"github.com/podseal/podseal/internal/seals"
	"github.com/podseal/podseal/internal/target"
)

// fake returns the engine of a fake application, and the job that seals it.
func fake(t *testing.T, image, config, app string) (*enginetest.Engine, batch.Job) {
	t.Helper()
	a := txtar.Parse([]byte("-- image --\n" + image + "-- config --\n" + config + "-- app --\n" + app))
	e, _, err := enginetest.Parse(a)
	if err != nil {
		t.Fatal(err)
	}
	e.Traced = true
	return e, batch.Job{Target: target.Target{
		Image: "app", Ready: target.Ready{Timeout: time.Minute}, Commands: []target.Command{target.Shell("e2e", true)},
	}}
}

// TestRerun seals the application "before" of each case, and proves the one "after" again.
func TestRerun(t *testing.T) {
	golden.Run(t, "testdata/rerun/*.txtar", func(t *testing.T, a *txtar.Archive) []txtar.File {
		section := func(name string) string { return golden.Section(a, name) }
		image, config := section("image"), section("config")
		e, job := fake(t, image, config, section("before"))
		o := batch.Options{Seal: seal.Options{Minimize: seal.MinimizeFull, Parallel: 1}}
		var entry sealfile.Entry
		synctest.Test(t, func(t *testing.T) {
			results, err := job.Seal(context.Background(), e, o)
			if err != nil {
				t.Fatal(err)
			}
			made, err := seals.Of(results[0], sealfile.Options{Run: sealfile.Run{Date: "2026-01-31T12:00:00Z"}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			entry = sealfile.Entry{Seal: made[0], File: "app.seal.yaml", Line: 2}
		})
		if now := section("image after"); now != "" {
			image = now
		}
		if now := section("config after"); now != "" {
			config = now
		}
		e, job = fake(t, image, config, section("after"))
		again := seals.Again{Subject: seals.Subject{Name: "app", Entries: []sealfile.Entry{entry}, SealOnly: true}, Job: job}
		o.Policy = report.Policy{Allow: again.Allowed()}
		var text string
		synctest.Test(t, func(t *testing.T) {
			found, reports, err := again.Rerun(context.Background(), e, o)
			if err != nil {
				t.Fatal(err)
			}
			text = findingsText(found) + fmt.Sprintf("%d runs\n", len(reports[0].Rounds))
		})
		return golden.Want(text)
	})
}

func findingsText(found []finding.Finding) string {
	var b strings.Builder
	for _, f := range found {
		fmt.Fprintf(&b, "%s:%d: %s: %s: %s [%s] %s\n", f.File, f.Line, f.Level, f.Target, f.Message, f.Rule, f.Subject)
	}
	if len(found) == 0 {
		return "nothing new\n"
	}
	return b.String()
}
