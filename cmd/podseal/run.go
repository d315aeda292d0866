package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/podseal/podseal/internal/advise/sealing"
	"github.com/podseal/podseal/internal/batch"
	"github.com/podseal/podseal/internal/deliver"
	"github.com/podseal/podseal/internal/engines"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/redact"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/safetext"
	"github.com/podseal/podseal/internal/seal"
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
		Long: `Runs the image as it is, drives it with the e2e commands, plans the tightest profile, and runs the image again
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
			if file, names, err := o.configTargets(splitDash(c, args)); err != nil {
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
	f.IntVarP(&o.config.parallel, "parallel", "j", 0, "make this `NUMBER` of runs of the targets of podseal.yaml in parallel (default: by the engine's processors and memory)")
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

// splitDash returns the arguments before and behind --.
func splitDash(c *cobra.Command, args []string) (first, command []string) {
	if at := c.ArgsLenAtDash(); at >= 0 {
		return args[:at], args[at:]
	}
	return args, nil
}

// splitArgs splits the arguments into the image and the host command behind --.
func splitArgs(c *cobra.Command, args []string, files []string) (image string, _ []string, _ error) {
	first, command := splitDash(c, args)
	switch {
	case len(command) > 0 && command[0] == "":
		return "", nil, exitcode.BadInputf("the e2e command behind -- is empty: give a program")
	case slices.Contains(files, ""):
		return "", nil, exitcode.BadInputf("--filename is empty: give a file, a folder or -")
	case len(files) > 0 && len(first) > 0:
		return "", nil, exitcode.BadInputf("give an image or -f FILE, not both: %s, %s", first[0], files[0])
	case len(files) > 0:
		return "", command, nil
	case len(first) == 0:
		return "", nil, exitcode.BadInputf("no image given: podseal run IMAGE [flags] -- COMMAND..., or podseal run -f FILE")
	case len(first) > 1:
		return "", nil, exitcode.BadInputf("unexpected argument %q: flags go before --, the e2e command after it", first[1])
	}
	return first[0], command, checkImageName(first[0])
}

// checkImageName refuses the name of a manifest or of a folder in the place of an image's.
func checkImageName(image string) error {
	if image == "" {
		return exitcode.BadInputf("the name of the image is empty: podseal run IMAGE [flags] -- COMMAND...")
	}
	st, err := os.Stat(image)
	if err != nil {
		return nil //nolint:nilerr // it is no file, as an image's name should be
	}
	manifest := slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(image))
	if st.Mode().IsRegular() && manifest || st.IsDir() && (strings.HasPrefix(image, ".") || filepath.IsAbs(image)) {
		return exitcode.BadInputf("%s is a file or a folder, not an image: give it with -f %s", image, image)
	}
	return nil
}

// run seals what the options name. Everything that the input alone decides is refused before the first run.
func run(ctx context.Context, o runOptions, s streams, image string, command []string) error {
	if err := o.redact.apply(s); err != nil {
		return err
	}
	j, err := o.check(s, image, command)
	if err != nil {
		return err
	}
	defer j.places.Close()
	if err := o.proof.load(ctx, j.Job); err != nil {
		return err
	}
	if !o.quiet {
		for _, note := range j.notes {
			fmt.Fprintln(s.err, "podseal: note:", safetext.Line(note))
		}
	}
	progress := s.progress(o.quiet)
	defer progress.Done()
	var results []batch.Sealed
	err = engines.With(ctx, o.engine.options(o.tracing == "off", progress), func(e *engines.Engine) error {
		if err := j.Preflight(ctx, e); err != nil {
			return err
		}
		results, err = j.Seal(ctx, e.Runs, o.batchOptions(e, progress))
		o.proof.about = o.proof.run(ctx, e, o.cluster.kubernetes)
		return err
	})
	progress.Done()
	if err != nil {
		return err
	}
	return o.finish(s, j.places, results)
}

// batchOptions returns how the targets are sealed.
func (o *runOptions) batchOptions(e *engines.Engine, progress *report.Progress) batch.Options {
	out := searchOn(e, progress)
	out.Seal.Minimize, out.Seal.PlanOnly, out.Seal.Patience, out.Seal.Advise = seal.Minimize(o.minimize), o.planOnly, o.patience, sealing.Advice
	_ = o.cluster.apply(&out.Seal) // checked by checkWords
	out.Policy = o.policy()
	if len(o.proof.merged) > 0 {
		out.Floor = o.proof.merged.Floor
	}
	return out
}

// policy returns what the user accepts of a result.
func (o *runOptions) policy() report.Policy { return report.Policy{Allow: o.allow, Strict: o.strict} }

// finish reports what was sealed, and writes it if all of it was.
func (o *runOptions) finish(s streams, places *deliver.Places, results []batch.Sealed) error {
	var list []report.Report
	var inputs []deliver.Input
	for _, in := range results {
		inputs = append(inputs, in.Input)
		list = append(list, in.Reports(o.policy(), s.redact)...)
	}
	inputs, concealed := deliver.Concealed(inputs, s.redact)
	all := report.NewSeveral(list)
	var d deliver.Delivery
	var refused error // the result cannot be written as it was asked for; the report is due all the same
	if all.ExitCode == exitcode.Sealed {
		if d, refused = o.deliver.Prepare(inputs); refused != nil {
			refused = exitcode.BadInput(manifest.Located(refused))
		}
	}
	for i, w := range d.Written {
		all.Reports[i].Written = w
	}
	all = redact.Apply(s.redact, all)
	if err := o.report(s, places, all); err != nil {
		return err
	}
	if all.ExitCode != exitcode.Sealed {
		return verdictError(all.ExitCode)
	}
	if refused != nil {
		return refused
	}
	for _, name := range concealed {
		fmt.Fprintf(s.err, "podseal: note: the value of %s is hidden in the result: set it where you deploy it\n", safetext.Line(name))
	}
	if err := d.Write(places, s.out); err != nil {
		return err
	}
	return o.writeSeal(s, places, results)
}

// report prints the result on stderr and writes the files of --report.
func (o *runOptions) report(s streams, places *deliver.Places, r report.Several) error {
	if o.quiet {
		s.printLines(r.Failures())
	} else if err := r.Text(s.err, report.TextOptions{
		Width: s.width, Color: s.color, Verbose: o.verbose, Output: o.deliver.Where(), More: "--verbose",
	}); err != nil {
		return err
	}
	return o.reports.write(s, report.NewDocument(version, r), places.Write)
}
