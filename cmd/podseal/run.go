package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/podseal/podseal/internal/batch"
	"github.com/podseal/podseal/internal/config"
	"github.com/podseal/podseal/internal/deliver"
	"github.com/podseal/podseal/internal/engines"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/input"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/result"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/seals"
	"github.com/podseal/podseal/internal/trial"
)

// runOptions are the flags of podseal run.
type runOptions struct {
	target  targetOptions
	input   inputOptions
	deliver deliver.Options
	cluster clusterOptions
	engine  engineOptions
	config  configOptions
	changed func() []string // the flags that stand on the command line

	minimize, tracing string
	reports           reportOptions
	redact            redactOptions
	proof             sealOptions
	allow             []string
	patience          float64
	planOnly, strict  bool
	quiet, verbose    bool
}

func newRunCommand(s streams) *cobra.Command {
	var o runOptions
	c := &cobra.Command{
		Use:   "run {IMAGE | -f FILE | [--config FILE] [TARGET...]} [flags] -- COMMAND...",
		Short: "Seal an image: find the tightest pod spec that the e2e commands pass under, prove it, print it",
		Long: `Run the image as it is, drive it with the e2e commands, plan the tightest profile, and run the image again
under exactly that profile. The sealed Pod manifest goes to stdout, the report to stderr.

COMMAND runs on the host; --exec runs one in the container. Both see PODSEAL_CONTAINER, PODSEAL_HOST, PODSEAL_PORT (the
first port), PODSEAL_PORT_<n> and PODSEAL_URL. Exit status 0 means that the application works.

Many targets stand in a podseal.yaml with their commands (see podseal init). Without IMAGE, -f and COMMAND, the
podseal.yaml of the working directory is read, and all its targets are sealed in parallel. An argument that is the name of
one of its targets means that target; for an image of the same name, add its tag. --config reads another file: then all
arguments are targets.`,
		Example: `  podseal run nginx:1.29 -- sh -c 'curl -fsS $PODSEAL_URL/ | grep -q Welcome'
  podseal run -e POSTGRES_PASSWORD=x postgres:17 --exec 'psql -U postgres -c "select 1"' -o pod.yaml
  podseal run -f deploy.yaml --in-place --network-policy policy.yaml -- ./e2e.sh
  podseal run -f deploy.yaml --format kustomize -o seal -- ./e2e.sh
  podseal run -f deploy.yaml --in-place --seal deploy.seal.yaml -- ./e2e.sh
  podseal run
  podseal run --config ci/podseal.yaml -j 4 web api`,
		RunE: func(c *cobra.Command, args []string) error {
			first, command := splitDash(c, args)
			if file, names, err := o.configTargets(c.Context(), first, command); err != nil {
				return err
			} else if file != nil {
				return runConfig(c.Context(), o, s, file, names)
			}
			image, command, err := splitArgs(c, args, o.input.Files)
			if err != nil {
				return err
			}
			return run(c.Context(), o, s, image, command)
		},
	}
	o.addFlags(c)
	return c
}

func (o *runOptions) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.SortFlags = false
	o.changed = func() (names []string) {
		f.Visit(func(flag *pflag.Flag) { names = append(names, flag.Name) })
		return names
	}
	f.StringVar(&o.config.file, "config", "", "seal the targets of a `FILE` (default: podseal.yaml, where no IMAGE, -f or COMMAND is given)")
	f.IntVarP(&o.config.parallel, "parallel", "j", 0, "make this `NUMBER` of runs of the targets of podseal.yaml in parallel (default: by the processors and memory of the Docker engine; on a cluster, the processors of this machine)")
	o.target.addFlags(f)
	o.input.addFlags(f)
	addDeliverFlags(f, &o.deliver)
	o.reports.addFlags(f)
	o.proof.addFlags(f)
	f.BoolVar(&o.planOnly, "plan-only", false, "print the first plan without proving it, marked so")
	f.StringVar(&o.minimize, "minimize", string(seal.MinimizeFull), "tighten a passing profile: none, fast or full")
	f.StringVar(&o.tracing, "trace", "auto", "trace every write: auto, on or off")
	f.Float64Var(&o.patience, "patience", 1, "multiply by this `FACTOR` how long a run that stalls is waited for")
	f.BoolVar(&o.strict, "strict", false, "fail where the sealed run did not do something that the open run did")
	f.StringArrayVar(&o.allow, "allow", nil, "accept an `EXCEPTION` of the seal, by the setting that the report names (repeatable)")
	o.redact.addFlags(f)
	o.cluster.addFlags(f)
	o.engine.addFlags(f)
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print only errors")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "show every written path, setting and run in the report")
}

// run seals what the options name. Everything that the input alone decides is refused before the first run.
func run(ctx context.Context, o runOptions, s streams, image string, command []string) error {
	if err := o.redact.apply(s); err != nil {
		return err
	}
	item, err := o.item(ctx, s, image, command)
	if err != nil {
		return err
	}
	places, err := o.deliver.Open(item.Shape().Files)
	if err != nil {
		return exitcode.BadInput(err)
	}
	defer places.Close()
	made := result.Options{Redact: s.redact, Folder: "."}
	if len(o.proof.merge) > 0 {
		if made.Merged, err = seals.LoadMerged(ctx, o.proof.merge, item.Targets()); err != nil {
			return err
		}
	}
	o.notes(s, item.Notes)
	progress := s.progress(o.quiet)
	defer progress.Done()
	var sealed []batch.Sealed
	err = engines.With(ctx, o.engine.options(o.tracing == "off", progress), func(e *engines.Engine) error {
		if err := item.Preflight(ctx, e); err != nil {
			return err
		}
		offers, err := batch.SeedOffers(ctx, e, o.cluster.seedImage, o.cluster.imageVolumes(), []batch.Item{item})
		if err != nil {
			return err
		}
		options := o.search(e, progress)
		options.Seal.SeedOffers = offers
		if len(made.Merged) > 0 {
			options.Floor = made.Merged.Floor
		}
		sealed, err = item.Seal(ctx, e.Runs, options)
		if item.SealFile != "" {
			made.Run = runOf(ctx, e, o.cluster.kubernetes)
		}
		return err
	})
	progress.Done()
	if err != nil {
		return err
	}
	return o.finish(s, places, result.Of(item, sealed, made))
}

// item reads what the flags name, and refuses bad input.
func (o *runOptions) item(ctx context.Context, s streams, image string, command []string) (item batch.Item, err error) {
	if err := o.checkWords(); err != nil {
		return item, err
	}
	t, err := o.target.target(ctx, image, command)
	if err != nil {
		return item, err
	}
	if err := trial.CheckCommands(t.Commands); err != nil {
		return item, exitcode.BadInput(err)
	}
	var set input.Set
	if len(o.input.Files) > 0 {
		if t.Network == "host" || strings.HasPrefix(t.Network, "container:") {
			return item, exitcode.BadInputf("--network %s does not go with -f: the containers of a pod have their own network", t.Network)
		}
		if o.deliver.Format == config.FormatKustomize {
			o.input.Replaces = o.deliver.Output
		}
		if set, err = o.input.read(ctx, s, t); err != nil {
			return item, err
		}
	}
	s.redact.Hide(batch.Job{Target: t, Files: set.Files}.Secrets()...)
	item, err = batch.NewItem(t, set, o.deliver, o.policy(), o.planOnly)
	item.SealFile = o.proof.file
	return item, exitcode.BadInput(err)
}

// maxPatience is the largest factor of --patience: a run meets its other limits long before.
const maxPatience = 1000

// checkWords refuses flags with a value that they do not take.
func (o *runOptions) checkWords() (err error) {
	if err := o.input.check(); err != nil {
		return err
	}
	if err := o.cluster.check(); err != nil {
		return err
	}
	if err := o.engine.check(); err != nil {
		return err
	}
	if !slices.Contains([]string{"none", "fast", "full"}, o.minimize) {
		return exitcode.BadInputf("--minimize %s: use none, fast or full", o.minimize)
	}
	if !(o.patience > 0 && o.patience <= maxPatience) {
		return exitcode.BadInputf("--patience %g: give a factor above 0, up to %d", o.patience, maxPatience)
	}
	if !slices.Contains([]string{"auto", "on", "off"}, o.tracing) {
		return exitcode.BadInputf("--trace %s: use auto, on or off", o.tracing)
	}
	if err := o.policy().Check(); err != nil {
		return exitcode.BadInput(err)
	}
	err = o.reports.check(o.deliver.OnStdout())
	o.deliver.Reports = o.reports.names()
	if o.proof.file != "" {
		o.deliver.Reports = append(o.deliver.Reports, o.proof.file)
	}
	if o.proof.file != "" && o.planOnly {
		return exitcode.BadInputf("--seal %s: a plan has no proof: leave out --plan-only", o.proof.file)
	}
	return err
}

// search returns how the targets are sealed.
func (o *runOptions) search(e *engines.Engine, progress *report.Progress) batch.Options {
	out := searchOn(e, progress)
	out.Seal.Minimize, out.Seal.PlanOnly, out.Seal.Patience = seal.Minimize(o.minimize), o.planOnly, o.patience
	out.Seal.SizeLimits = o.cluster.sizeLimits
	out.Policy = o.policy()
	return out
}

// policy returns what the user accepts of a result.
func (o *runOptions) policy() report.Policy { return report.Policy{Allow: o.allow, Strict: o.strict} }

// notes prints what a user should know before the runs.
func (o *runOptions) notes(s streams, notes []string) {
	if o.quiet {
		return
	}
	for _, note := range notes {
		s.note(note)
	}
}

// finish reports what was sealed, and writes it if all of it was.
func (o *runOptions) finish(s streams, places *deliver.Places, r result.Result) error {
	if o.quiet {
		s.printLines(r.Reports.Failures())
	} else if err := r.Reports.Text(s.err, report.TextOptions{
		Width: s.width, Color: s.color, Verbose: o.verbose, Output: o.deliver.Where(), More: "--verbose",
	}); err != nil {
		return err
	}
	if err := o.reports.write(s, report.NewDocument(version, r.Reports), places.Write); err != nil {
		return err
	}
	if r.Reports.ExitCode != exitcode.Sealed {
		return verdictError(r.Reports.ExitCode)
	}
	if r.Refused != nil {
		return r.Refused
	}
	for _, name := range r.Hidden {
		s.note(fmt.Sprintf("the value of %s is hidden in the result: set it where you deploy it", name))
	}
	return r.Write(places, s.out)
}
