package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/input"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/outfile"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/sealfile"
	"github.com/podseal/podseal/internal/seals"
	"github.com/podseal/podseal/internal/target"
)

// fromFlags reads the manifests and seals that the flags name.
func (o *checkOptions) fromFlags(ctx context.Context, s streams) ([]seals.Subject, []finding.Finding, error) {
	switch {
	case o.given("config"):
		return nil, nil, errors.New("--config and -f exclude each other: targets name their manifests themselves")
	case len(o.target) > 0:
		return nil, nil, fmt.Errorf("unexpected argument %q: targets are those of podseal.yaml, and -f names a manifest", o.target[0])
	case len(o.seals) == 0:
		return nil, nil, errors.New("--seal is missing: name the seal file of the manifest, which podseal run --seal wrote")
	}
	o.input.Stdin = s.in
	files, set, err := input.Manifests(o.input)
	if err != nil {
		return nil, nil, err
	}
	for _, skipped := range set.Skipped {
		if !o.quiet {
			fmt.Fprintln(s.err, "podseal: skipped:", oneLine(skipped))
		}
	}
	subject := seals.Subject{Read: seals.ReadScript(".")}
	subject.Targets, err = manifest.Select(files, manifest.Selection{Object: o.input.Object, Container: o.input.Container, Exclude: o.input.Exclude})
	if err != nil {
		return nil, nil, err
	}
	if err := o.readSeals(ctx, &subject); err != nil {
		return nil, nil, err
	}
	if len(o.command)+len(o.rerun.target.execs) > 0 {
		now := o.commands(subject.Read)
		subject.Commands = &now
	}
	if o.rerun.wanted {
		again, err := o.again(subject)
		if err != nil {
			return nil, nil, err
		}
		o.runs = append(o.runs, again)
	}
	return []seals.Subject{subject}, nil, nil
}

// readSeals reads the seals of the containers: from files, or from the registries of their images.
func (o *checkOptions) readSeals(ctx context.Context, subject *seals.Subject) (err error) {
	if !o.fromImage() {
		subject.Entries, err = seals.Load(o.seals)
		subject.Entries = o.selected(*subject)
		return err
	}
	subject.Pairs, err = seals.NewRegistry(ctx).Pairs(subject.Targets)
	for _, p := range subject.Pairs {
		if p.Seal != nil {
			subject.Entries = append(subject.Entries, *p.Seal)
		}
	}
	return err
}

// selected returns the seals without those of containers that the flags leave out.
func (o *checkOptions) selected(s seals.Subject) []sealfile.Entry {
	if o.input.Container == "" && o.input.Object == "" && len(o.input.Exclude) == 0 {
		return s.Entries
	}
	pairs, _ := seals.Pair(s.Targets, s.Entries)
	var out []sealfile.Entry
	for _, p := range pairs {
		if p.Seal != nil {
			out = append(out, *p.Seal)
		}
	}
	return out
}

// commands returns the e2e commands that the flags name.
func (o *checkOptions) commands(read sealfile.ReadFile) sealfile.Commands {
	var t target.Target
	for _, line := range o.rerun.target.execs {
		t.Commands = append(t.Commands, target.Shell(line, true))
	}
	if len(o.command) > 0 {
		t.Commands = append(t.Commands, target.Command{Argv: slices.Clone(o.command)})
	}
	return sealfile.NewCommands(t, read)
}

// readBaseline reads the findings of an earlier check.
func readBaseline(name string) ([]finding.Finding, error) {
	if name == "" {
		return nil, nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, exitcode.BadInput(outfile.Plain(err))
	}
	var earlier struct {
		Schema   string            `json:"schema"`
		Findings []finding.Finding `json:"findings"`
	}
	if err := json.Unmarshal(data, &earlier); err != nil || earlier.Schema != report.CheckSchema {
		return nil, exitcode.BadInputf("--against %s: not a report of podseal check: write it with podseal check --report json=%s", name, name)
	}
	return earlier.Findings, nil
}
