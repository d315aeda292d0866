package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/pflag"

	"github.com/podseal/podseal/internal/advise/sealing"
	"github.com/podseal/podseal/internal/config"
	"github.com/podseal/podseal/internal/engines"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/outfile"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/sealfile"
	"github.com/podseal/podseal/internal/seals"
	"github.com/podseal/podseal/internal/target"
)

// rerunOptions are the flags about runs of podseal check.
type rerunOptions struct {
	wanted bool
	target targetOptions
	names  []string // of the flags that have an effect on runs alone
}

func (o *rerunOptions) addFlags(f *pflag.FlagSet) {
	f.BoolVar(&o.wanted, "rerun", false, "also prove the seals again with the engine, and report what is new; the flags below describe the runs of -f")
	own := pflag.NewFlagSet("", pflag.ContinueOnError)
	own.SortFlags = false
	o.target.addFlags(own)
	own.VisitAll(func(flag *pflag.Flag) {
		if flag.Name != "exec" {
			o.names = append(o.names, flag.Name)
		}
	})
	f.AddFlagSet(own)
	o.target.given = f.Changed
}

// check refuses flags about runs where there are none.
func (o *rerunOptions) check(given func(flag string) bool) error {
	if o.wanted {
		return nil
	}
	for _, name := range append(o.names, "with", "stand-ins", "allow-hostpath") {
		if given(name) {
			return exitcode.BadInputf("--%s is about runs: it needs --rerun", name)
		}
	}
	return nil
}

// checked is what a check reads.
type checked struct {
	subjects []seals.Subject
	missing  []finding.Finding // targets without a seal
	again    []seals.Again     // to be proved again
}

// subjects reads what is to be checked: the targets of podseal.yaml, or the manifests of -f.
func (o *checkOptions) subjects(ctx context.Context, s streams) (c checked, err error) {
	if len(o.input.Files) > 0 {
		return o.fromFlags(ctx, s)
	}
	if o.given("seal") && !seals.IsFromImage(o.seals) {
		return c, errors.New("--seal is about a manifest: give one with -f; targets name their seals in outputs.seal, and --seal from-image reads them from registries")
	}
	for _, flag := range []string{"values", "set", "container", "select", "exclude", "pod-path", "exec"} {
		if o.given(flag) {
			return c, fmt.Errorf("--%s is about a manifest: give one with -f", flag)
		}
	}
	if len(o.command) > 0 {
		return c, errors.New("the e2e commands of targets stand in podseal.yaml: leave out what is behind --")
	}
	source, err := os.ReadFile(o.config)
	if errors.Is(err, fs.ErrNotExist) && !o.given("config") {
		return c, fmt.Errorf("there is no %s here: name one with --config FILE, or check a manifest with -f FILE --seal FILE", config.DefaultName)
	}
	if err != nil {
		return c, outfile.Plain(err)
	}
	f, err := config.Parse(o.config, source)
	if err != nil {
		return c, err
	}
	var registry *seals.Registry
	if seals.IsFromImage(o.seals) {
		registry = seals.NewRegistry(ctx)
	}
	c.subjects, c.missing, err = seals.Configured(f, o.target, registry)
	if err == nil && o.rerun.wanted {
		c.again, err = seals.AgainConfigured(f, c.subjects)
	}
	return c, err
}

// fromFlags reads the manifests and seals that the flags name.
func (o *checkOptions) fromFlags(ctx context.Context, s streams) (c checked, err error) {
	switch {
	case o.given("config"):
		return c, errors.New("--config and -f exclude each other: targets name their manifests themselves")
	case len(o.target) > 0:
		return c, fmt.Errorf("unexpected argument %q: targets are those of podseal.yaml, and -f names a manifest", o.target[0])
	case len(o.seals) == 0:
		return c, errors.New("--seal is missing: name the seal file of the manifest, which podseal run --seal wrote")
	}
	o.input.Stdin = s.in
	t, err := o.rerun.target.target("", o.command)
	if err != nil {
		return c, err
	}
	subject, skipped, err := seals.OfManifests(ctx, o.input, o.seals)
	for _, err := range skipped {
		if !o.quiet {
			fmt.Fprintln(s.err, "podseal: skipped:", oneLine(err))
		}
	}
	if err != nil {
		return c, err
	}
	if len(t.Commands) > 0 {
		now := sealfile.NewCommands(target.Target{Commands: t.Commands}, subject.Read)
		subject.Commands = &now
	}
	c.subjects = []seals.Subject{subject}
	if o.rerun.wanted {
		again, err := seals.NewAgain(subject, o.input, t)
		if err != nil {
			return c, err
		}
		c.again = []seals.Again{again}
	}
	return c, nil
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
	found, err := report.ParseFindings(data)
	if err != nil {
		return nil, exitcode.BadInputf("--against %s: %w: write it with podseal check --report json=%s", name, err, name)
	}
	return found, nil
}

// proveAgain runs the subjects, and returns what is new against their seals.
func proveAgain(ctx context.Context, s streams, quiet bool, all []seals.Again) (found []finding.Finding, reports []report.Report, err error) {
	for _, a := range all {
		s.redact.Hide(a.Job.Secrets()...)
	}
	progress := s.progress(quiet)
	defer progress.Done()
	err = engines.With(ctx, engines.Options{Progress: progress.Step}, func(e *engines.Engine) error {
		o := searchOn(e, progress)
		o.Seal.Advise = sealing.Advice
		found, reports, err = seals.RerunAll(ctx, e, e.Runs, all, o)
		return err
	})
	return found, reports, err
}
