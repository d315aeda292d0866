package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/podseal/podseal/internal/batch"
	"github.com/podseal/podseal/internal/deliver"
	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/loss"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/redact"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/report/views"
	"github.com/podseal/podseal/internal/result"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trial"
)

// fromSecret is a value with everything that views escape: its parts are found in any of their forms.
const fromSecret = "kQ7zT\"Mid9x&<Lt4>'Ap0s\nSec0ndLine\tüÄ€Tail8"

// parts of the secrets that no output may hold.
var parts = []string{"kQ7zT", "Mid9x", "Lt4", "Ap0s", "Sec0ndLine", "Tail8", "tok_S3cr3t", "M1ddle"}

// The second pattern matches over several lines.
const pattern, block = `tok_[A-Za-z0-9]+`, `(?s)BEGIN.*END`

// leaky is a result whose every text has secrets in it.
func leaky(verdict seal.Verdict) seal.Result {
	s := "said " + fromSecret + " and tok_S3cr3t."
	e := diff.Evidence{Path: "/data/" + s, Line: s, Writers: []diff.Writer{{Command: "w-tok_S3cr3t", UID: 1}}, Calls: []string{"open"}, Outcome: observe.Denied}
	o := observe.Observation{
		Changes: []observe.Change{{Path: "/data/" + s}}, Writes: []observe.Write{{Path: "/data/" + s, Command: "tok_S3cr3t"}},
		Processes: []observe.Process{{Command: s}}, Logs: "first\n" + s + "\nlast", Failure: observe.Failure{Kind: observe.CommandFailed, Text: s},
		Commands: []observe.CommandResult{{Command: s, Code: 1, Output: "first\nBEGIN\nM1ddle\nEND\n" + s + "\nlast"}}, Exit: &observe.Exit{Error: s},
		Trace: observe.Trace{On: true, Note: s, Unseen: []string{s}},
	}
	return seal.Result{
		Target: target.Target{
			Image: "img", Entrypoint: []string{"run"}, Args: []string{s}, Secrets: []string{fromSecret}, Env: []target.EnvVar{{Name: "TOKEN", Value: "tok_S3cr3t"}, {Name: "PASSWORD", Value: fromSecret}},
			Ready: target.Ready{Command: s, Exec: s, Log: s}, Commands: []target.Command{target.Shell(s, false)}, Timeout: time.Minute,
		},
		Image: image.Facts{Ref: "img"}, Verdict: verdict, Why: s, Profile: profile.Profile{User: profile.User{UID: 1, GID: 1}},
		Reasons: []profile.Reason{{Field: "runAsUser", Why: s, Proof: s}}, Proofs: []seal.Proof{{Relaxation: "mount /x", Text: s}},
		Exceptions: []seal.Exception{{Setting: "restart", Why: s, Fix: s}}, Choices: []seal.Choice{{Path: "/data", Reason: s, Proof: s, Evidence: []diff.Evidence{e}}},
		Losses: []loss.Loss{{Kind: loss.Refused, What: s, Detail: s}}, Swallowed: []diff.Evidence{e}, NotExercised: []string{s},
		Advice: &seal.Advice{Model: "root", Why: s, Ways: []seal.Way{{Kind: "pin", Says: s, Cost: s, Snippet: s}}},
		Rounds: []seal.Round{{Name: "open run", Profile: profile.Unrestricted(), Outcome: trial.Failed, Observation: o, Blames: []plan.Blame{{Setting: s, Evidence: s}}}},
	}
}

// TestNothingLeaks writes every kind of report, the text on stderr and the result, and searches them for the secrets.
func TestNothingLeaks(t *testing.T) {
	for _, c := range []struct {
		verdict seal.Verdict
		verbose bool
		format  string
	}{
		{seal.Planned, false, "yaml"},
		{seal.Planned, true, "docker"},
		{seal.NotSealable, true, "compose"},
		{seal.NotTestable, false, "helm-values"},
		{seal.Planned, false, "helm-values"},
		{seal.Planned, false, "compose"},
	} {
		dir := t.TempDir()
		var out, errs bytes.Buffer
		r := &redact.Redactor{}
		s := streams{out: &out, err: r.Writer(&errs), redact: r}
		o := runOptions{verbose: c.verbose, redact: redactOptions{patterns: []string{pattern, block}}, deliver: deliver.Options{Format: c.format}}
		for _, kind := range views.Kinds() {
			o.reports.values = append(o.reports.values, kind+"="+filepath.Join(dir, kind))
		}
		o.reports.values = append(o.reports.values, "github=/dev/stderr")
		if err := errors.Join(o.redact.apply(s), o.reports.check(true)); err != nil {
			t.Fatal(err)
		}
		res := leaky(c.verdict)
		r.Hide(batch.Job{Target: res.Target}.Secrets()...)
		o.deliver.Reports = o.reports.names()
		places, err := o.deliver.Open(nil)
		if err != nil {
			t.Fatal(err)
		}
		sealed := batch.Sealed{Results: []seal.Result{res, res}}
		for range sealed.Results {
			sealed.Input.Containers = append(sealed.Input.Containers, deliver.Container{Outcome: deliver.Outcome{Target: res.Target, Image: res.Image, Profile: res.Profile}})
		}
		if len(sealed.Results) > 1 && c.format != "yaml" {
			sealed.Results, sealed.Input.Containers = sealed.Results[:1], sealed.Input.Containers[:1]
		}
		err = o.finish(s, places, result.Of(batch.Item{Deliver: o.deliver, Policy: o.policy()}, []batch.Sealed{sealed}, result.Options{Redact: r}))
		places.Close()
		if c.verdict == seal.Planned && (err != nil || out.Len() == 0) {
			t.Errorf("%s: %v, %q", c.format, err, out.String())
		}
		searchOutputs(t, fmt.Sprintf("%s %s", c.verdict, c.format), dir, map[string]string{"stdout": out.String(), "stderr": errs.String()})
	}
}

// searchOutputs searches texts and the files of a folder for parts of the secrets. Each has to be there, and to hide something.
func searchOutputs(t *testing.T, name, dir string, texts map[string]string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			var data []byte
			data, err = os.ReadFile(at)
			texts[filepath.Base(at)] = string(data)
		}
		return err
	})
	if err != nil || len(texts) != len(views.Kinds())+2 {
		t.Fatalf("%s: %d outputs, %v", name, len(texts), err)
	}
	for output, text := range texts {
		for _, part := range parts {
			if strings.Contains(text, part) {
				t.Errorf("%s: %s holds %s:\n%s", name, output, part, text)
			}
		}
		if output != "stdout" && !strings.Contains(strings.ReplaceAll(text, `\*`, "*"), "***") && text != "" && text != "[]\n" {
			t.Errorf("%s: %s hides nothing:\n%s", name, output, text)
		}
	}
}

// TestProgressAndErrorsAreRedacted follows a secret into the lines of a running command.
func TestProgressAndErrorsAreRedacted(t *testing.T) {
	r := &redact.Redactor{}
	r.Hide("hunter2-and-more")
	for _, terminal := range []bool{false, true} {
		var b bytes.Buffer
		p := report.NewProgress(r.Writer(&b), report.ProgressOptions{Terminal: terminal, Width: 40, Redact: r.String})
		end := p.Begin("trial of hunter2-and-more, which runs")
		p.Step("`curl --very-long-option hunter2-and-more` is run")
		end()
		p.Done()
		exitCode(t.Context(), fmt.Errorf("reading %q: %s failed", "hunter2-and-more", "hunter2-and-more"), streams{err: r.Writer(&b), redact: r})
		if strings.Contains(b.String(), "hunt") || !strings.Contains(b.String(), "***") {
			t.Errorf("terminal %v: %q", terminal, b.String())
		}
	}
}

func TestRedactRefusesPatterns(t *testing.T) {
	for _, c := range []struct{ pattern, want string }{
		{"hunter2(", "--redact number 1: not a regular expression"}, {"(hunter2)*", "--redact number 1: it matches the empty text"}, {"", "matches the empty text"},
	} {
		for _, command := range []string{"run", "advise"} {
			var errs bytes.Buffer
			code := execute([]string{command, "--redact", c.pattern, "img"}, streams{in: strings.NewReader(""), out: &errs, err: &errs})
			if code != exitcode.Usage || !strings.Contains(errs.String(), c.want) || strings.Contains(errs.String(), "hunter2") {
				t.Errorf("%s: %d, %s", command, code, errs.String())
			}
		}
	}
}

func TestAdviceIsRedacted(t *testing.T) {
	file := writeTo(t, "Dockerfile", "FROM debian:bookworm\nENV TOKEN=tok_S3cr3t\nRUN login tok_S3cr3t\nCMD [\"serve\", \"tok_S3cr3t\"]\n")
	for _, format := range []string{"text", "json", "sarif"} {
		_, out, errs := adviseOn(t, "--redact", pattern, "--format", format, file)
		if strings.Contains(out+errs, "S3cr3t") || out == "" {
			t.Errorf("%s: %s%s", format, out, errs)
		}
	}
}
