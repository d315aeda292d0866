package seals

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/podseal/podseal/internal/batch"
	"github.com/podseal/podseal/internal/config"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/gate"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/input"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/sealfile"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trial"
)

// Again is a subject that is to be proved again.
type Again struct {
	Subject
	Job batch.Job
}

// NewAgain returns the subject of manifests with the targets to run: the containers of the manifests, each run as t says. Without
// e2e commands in t, those of the seals are run.
func NewAgain(ctx context.Context, s Subject, o input.Options, t target.Target) (Again, error) {
	out := Again{Subject: s}
	var err error
	if len(t.Commands) == 0 {
		if t.Commands, err = Commands(s.Entries); err != nil {
			return out, err
		}
	}
	if err := trial.CheckCommands(t.Commands); err != nil {
		return out, err
	}
	if slices.Contains(o.Files, "-") {
		return out, errors.New("--rerun reads the manifests twice: give files, not stdin")
	}
	set, err := input.Read(ctx, o, t)
	if err != nil {
		return out, err
	}
	out.Job = batch.Job{Target: t, Files: set.Files}
	return out, out.Job.CheckTargets()
}

// AgainConfigured returns the subjects of a podseal.yaml with the targets to run.
func AgainConfigured(ctx context.Context, f *config.File, subjects []Subject) ([]Again, error) {
	var names []string
	for _, subject := range subjects {
		names = append(names, subject.Name)
	}
	if len(names) == 0 {
		return nil, nil
	}
	items, err := batch.Load(ctx, f, names, batch.LoadOptions{Now: time.Now()})
	if err != nil {
		return nil, err
	}
	var out []Again
	for i, item := range items { // both have the order of the file
		out = append(out, Again{Subject: subjects[i], Job: item.Job})
	}
	return out, nil
}

// RerunAll proves subjects again; see Rerun.
func RerunAll(ctx context.Context, e batch.Engine, runs engine.Engine, all []Again, o batch.Options) (found []finding.Finding, reports []report.Report, err error) {
	for _, a := range all {
		if err := a.Job.Preflight(ctx, e); err != nil {
			return nil, nil, err
		}
		o.Policy = report.Policy{Allow: a.Allowed()}
		own, shown, err := a.Rerun(ctx, runs, o)
		if err != nil {
			return nil, nil, err
		}
		found, reports = append(found, own...), append(reports, shown...)
	}
	return found, reports, nil
}

// Rerun proves a subject again, and returns what is new against its seals, and the reports of the runs. The search starts from
// what the seals prove, so that an unchanged image needs few runs; where that fails, it looks for what the image needs now.
func (a Again) Rerun(ctx context.Context, e engine.Engine, o batch.Options) ([]finding.Finding, []report.Report, error) {
	own := a.entries()
	o.Floor = func(t target.Target, _ image.Facts) (*seal.Floor, *plan.UserChoice, error) {
		if entry, ok := own.of(t); ok && entry.Profile.User.UID != 0 {
			f, user, err := sealfile.Floor([]sealfile.Entry{entry}, image.Facts{}) // the image may have changed: that is the question
			return f, &user, err
		}
		return nil, nil, nil
	}
	results, err := a.Job.Seal(ctx, e, o)
	if err == nil && failed(results) {
		o.Floor = nil
		results, err = a.Job.Seal(ctx, e, o)
	}
	if err != nil {
		return nil, nil, err
	}
	var found []finding.Finding
	var reports []report.Report
	for _, in := range results {
		reports = append(reports, in.Reports(o.Policy, nil)...)
		for i, res := range in.Results {
			entry, ok := own.of(res.Target)
			if !ok {
				continue // the check reports it
			}
			at := finding.Finding{Target: a.name(res.Target), File: entry.File, Line: entry.Line}
			if c := in.Input.Containers[i]; c.Pod != nil {
				if container, ok := c.Pod.Container(c.Name); ok {
					at.File, at.Line = c.Pod.Document.File, container.Line
				}
			}
			found = append(found, gate.Again(at, entry, res)...)
		}
	}
	return found, reports, nil
}

// Allowed returns the exceptions of the seals, which the check judges.
func (a Again) Allowed() []string {
	var out []string
	for _, e := range a.Entries {
		for _, x := range e.Exceptions {
			out = append(out, x.Setting)
		}
	}
	return out
}

// failed reports whether a container could not be sealed, although its e2e commands pass without a seal.
func failed(results []batch.Sealed) bool {
	for _, in := range results {
		for _, res := range in.Results {
			if res.Seal == nil && res.Verdict != seal.NotTestable {
				return true
			}
		}
	}
	return false
}

// name names a target for findings, as the check of its manifest does.
func (a Again) name(t target.Target) string {
	switch {
	case a.Name == "" && t.Pod != nil:
		return t.Pod.Original + "/" + t.Name
	case a.Name == "":
		return t.Image
	case len(a.Targets) > 1:
		return a.Name + "/" + t.Name
	}
	return a.Name
}

// owned are the seals of a subject by their objects and containers in its manifest.
type owned map[string]sealfile.Entry

// entries returns the seals as the check pairs them with containers.
func (a Again) entries() owned {
	out := owned{}
	for _, e := range a.Entries {
		key := e.Object + "/" + e.Container
		if e.Object == "" {
			key = gate.Repository(e.Image.Reference)
		}
		out[key] = e
	}
	pairs, _ := a.pairs()
	for _, p := range pairs {
		if p.Seal != nil {
			out[p.Target.Pod.String()+"/"+p.Target.Container.Name] = *p.Seal
		}
	}
	return out
}

func (o owned) of(t target.Target) (sealfile.Entry, bool) {
	key := gate.Repository(t.Image)
	if t.Pod != nil {
		key = t.Pod.Original + "/" + t.Name
	}
	e, ok := o[key]
	return e, ok
}

// Commands returns the e2e commands that seals were proved with, to run them again.
func Commands(entries []sealfile.Entry) ([]target.Command, error) {
	var out []target.Command
	for _, c := range entries[0].Commands.List {
		if strings.Contains(c.Command, "***") || strings.Contains(c.Command, "(secret)") {
			return nil, fmt.Errorf("%s: a secret is hidden in the e2e command %q: give the commands behind --, or with --exec", entries[0].Place(), c.Command)
		}
		command := target.Shell(c.Command, c.Inside)
		command.Suite = c.Suite
		out = append(out, command)
	}
	return out, nil
}
