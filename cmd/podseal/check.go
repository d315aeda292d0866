package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/podseal/podseal/internal/config"
	"github.com/podseal/podseal/internal/engines"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/gate"
	"github.com/podseal/podseal/internal/infile"
	"github.com/podseal/podseal/internal/input"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/outfile"
	"github.com/podseal/podseal/internal/redact"
	"github.com/podseal/podseal/internal/referrer"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/sealfile"
	"github.com/podseal/podseal/internal/seals"
	"github.com/podseal/podseal/internal/target"
)

// checkOptions are the flags of podseal check.
type checkOptions struct {
	input           input.Options
	config          string
	seals           []string
	rerun           rerunOptions
	policy          []string
	against         string
	reports         reportOptions
	redact          redactOptions
	quiet           bool
	given           func(flag string) bool // reports whether a flag stands on the command line
	command, target []string               // the e2e command behind --, and the targets before it
}

func newCheckCommand(s streams) *cobra.Command {
	var o checkOptions
	c := &cobra.Command{
		Use:   "check {[TARGET...] | -f FILE --seal FILE} [flags] [-- COMMAND...]",
		Short: "Check, without an engine, that manifests still carry what their seals prove",
		Long: `Compare manifests with the seal files that podseal run wrote: each setting of the proved profile, the image, the
e2e commands and their scripts, and the exceptions with their dates. Order, comments and style make no difference; a
value that is tighter than the proved one does. The findings go to stdout; exit code 5 means that there is one.

Without -f, the targets of podseal.yaml are checked. With -f, --seal names the seal files; where a COMMAND or --exec is
given, the seal must have been proved with exactly these.

With --rerun, the engine proves each seal again, with the e2e commands of podseal.yaml, of the flags, or else of the seal. The
search starts from the seal, so that an image that did not change needs few runs.`,
		Example: `  podseal check
  podseal check -f deploy.yaml --seal deploy.seal.yaml
  podseal check web --policy no-exceptions --policy no-mount-below=/etc
  podseal check --against baseline.json --report sarif=check.sarif
  podseal check --rerun -f deploy.yaml --seal deploy.seal.yaml`,
		RunE: func(c *cobra.Command, args []string) error {
			o.target = args
			if at := c.ArgsLenAtDash(); at >= 0 {
				o.target, o.command = args[:at], args[at:]
			}
			return check(c.Context(), o, s)
		},
	}
	o.addFlags(c)
	return c
}

func (o *checkOptions) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.SortFlags = false
	o.given = f.Changed
	f.StringVar(&o.config, "config", config.DefaultName, "check the targets of this `FILE`")
	f.StringArrayVarP(&o.input.Files, "filename", "f", nil, "check the containers of a manifest: a `FILE`, a folder, a kustomization, a Helm chart, or - for stdin (repeatable)")
	f.StringArrayVar(&o.seals, "seal", nil, "compare the containers of -f with the seals of a `FILE`, or of all *.seal.yaml files of a folder (repeatable); from-image: those that the images have in their registries")
	f.StringArrayVar(&o.input.Chart.Files, "values", nil, "render the charts of -f with the values of a `FILE` (repeatable)")
	f.StringArrayVar(&o.input.Chart.Set, "set", nil, "set a value of the charts of -f, `NAME=VALUE` (repeatable)")
	f.StringVarP(&o.input.Container, "container", "c", "", "check only the container of this `NAME`")
	f.StringVar(&o.input.Object, "select", "", "check only the containers of one object, `KIND/NAME`")
	f.StringArrayVar(&o.input.Exclude, "exclude", nil, "leave out the containers of an object, `KIND/NAME` (repeatable)")
	f.StringVar(&o.input.PodPath, "pod-path", "", "find the pod at this `PATH` in objects of unknown kinds, for example spec.template.spec")
	f.StringArrayVar(&o.input.Params, "param", nil, "set a parameter of the Argo workflows and Tekton tasks of -f, `NAME=VALUE` (repeatable)")
	f.StringArrayVar(&o.policy, "policy", nil, "fail where a seal breaks a `RULE`: "+gate.PolicyForms+" (repeatable)")
	f.StringVar(&o.against, "against", "", "fail only on findings that are not in this `FILE`, written by --report json=FILE")
	o.reports.addFlags(f)
	o.redact.addFlags(f)
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print only the findings that make the check fail")
	o.rerun.addFlags(f)
	f.StringArrayVar(&o.input.With, "with", nil, "read ConfigMaps and Secrets that the manifest refers to from a `FILE` (repeatable)")
	f.BoolVar(&o.input.StandIns, "stand-ins", false, "use random values for missing ConfigMaps and Secrets")
	f.BoolVar(&o.input.HostPath, "allow-hostpath", false, "mount the host folders that the pod names (hostPath)")
}

// check compares the manifests with their seals, prints the findings, and fails if one is an error.
func check(ctx context.Context, o checkOptions, s streams) error {
	defer debug.SetGCPercent(debug.SetGCPercent(seals.GCPercent))
	if err := o.redact.apply(s); err != nil {
		return err
	}
	policy, err := gate.ParsePolicy(o.policy)
	if err != nil {
		return exitcode.BadInputf("--%w", err)
	}
	baseline, err := readBaseline(ctx, o.against)
	if err != nil {
		return err
	}
	if err := o.rerun.check(o.given); err != nil {
		return err
	}
	if err := o.reports.check(true); err != nil {
		return err
	}
	for _, name := range o.reports.names() {
		if err := outfile.Check(name); err != nil {
			return exitcode.BadInput(err)
		}
	}
	wanted, err := o.subjects(ctx, s)
	if unavailable := new(referrer.UnavailableError); errors.As(err, &unavailable) {
		return err
	}
	if err != nil {
		return exitcode.BadInput(manifest.Located(err))
	}
	checked, more := seals.Check(wanted.subjects, seals.Options{Policy: policy, Today: time.Now().Format(time.DateOnly)})
	found := slices.Concat(wanted.missing, more)
	var runs []report.Report
	if len(wanted.again) > 0 {
		var fresh []finding.Finding
		if fresh, runs, err = proveAgain(ctx, s, o.quiet, wanted.again); err != nil {
			return err
		}
		found = append(found, fresh...)
		for i := range checked {
			checked[i].Rerun = checked[i].Seal != ""
		}
	}
	found = gate.Against(seals.Slashed(found), baseline)
	return o.finish(s, redact.Apply(s.redact, report.NewCheckDocument(version, checked, found, runs)))
}

// finish prints the findings, writes the reports, and returns the verdict.
func (o *checkOptions) finish(s streams, d report.Document) error {
	for _, f := range d.Findings {
		if o.quiet && f.Level != finding.Error {
			continue
		}
		if _, err := fmt.Fprintln(s.out, report.FindingLine(f)); err != nil {
			return fmt.Errorf("writing the findings: %w", err)
		}
	}
	if !o.quiet {
		fmt.Fprintln(s.err, "podseal:", d.CheckSummary())
	}
	if err := o.reports.write(s, d, outfile.Write); err != nil {
		return err
	}
	if d.Check.ExitCode != 0 {
		return verdictError(exitcode.Drift)
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
	source, err := infile.Read(ctx, o.config)
	if errors.Is(err, fs.ErrNotExist) && !o.given("config") {
		return c, fmt.Errorf("there is no %s here: name one with --config FILE, or check a manifest with -f FILE --seal FILE", config.DefaultName)
	}
	if err != nil {
		return c, err
	}
	f, err := config.Parse(o.config, source)
	if err != nil {
		return c, err
	}
	var registry *seals.Registry
	if seals.IsFromImage(o.seals) {
		registry = seals.NewRegistry(ctx)
	}
	c.subjects, c.missing, err = seals.Configured(ctx, f, o.target, registry)
	if err == nil && o.rerun.wanted {
		c.again, err = seals.AgainConfigured(ctx, f, c.subjects)
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
	t, err := o.rerun.target.target(ctx, "", o.command)
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
		again, err := seals.NewAgain(ctx, subject, o.input, t)
		if err != nil {
			return c, err
		}
		c.again = []seals.Again{again}
	}
	return c, nil
}

// readBaseline reads the findings of an earlier check.
func readBaseline(ctx context.Context, name string) ([]finding.Finding, error) {
	if name == "" {
		return nil, nil
	}
	data, err := infile.Read(ctx, name)
	if err != nil {
		return nil, exitcode.BadInput(err)
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
		found, reports, err = seals.RerunAll(ctx, e, e.Runs, all, searchOn(e, progress))
		return err
	})
	return found, reports, err
}
