package main

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/target"
)

// runOptions are the flags of podseal run.
type runOptions struct {
	target  targetOptions
	cluster clusterOptions
	deliver deliverOptions

	file, container, object  string
	minimize, tracing        string
	reports, allow           []string
	planOnly, quiet, verbose bool
}

func newRunCommand(s streams) *cobra.Command {
	var o runOptions
	c := &cobra.Command{
		Use:   "run {IMAGE | -f FILE} [flags] -- COMMAND...",
		Short: "Seal an image: find the tightest pod spec that the e2e commands pass under, prove it, print it",
		Long: `Runs the image as it is, drives it with the e2e commands, plans the tightest profile, and runs the image again
under exactly that profile. The sealed Pod manifest goes to stdout, the report to stderr.

COMMAND runs on the host; --exec runs one in the container. Both see PODSEAL_CONTAINER, PODSEAL_HOST, PODSEAL_PORT (the
first port), PODSEAL_PORT_<n> and PODSEAL_URL. Exit status 0 means that the application works.`,
		Example: `  podseal run nginx:1.29 -- sh -c 'curl -fsS $PODSEAL_URL/ | grep -q Welcome'
  podseal run -e POSTGRES_PASSWORD=x postgres:17 --exec 'psql -U postgres -c "select 1"' -o pod.yaml`,
		RunE: func(c *cobra.Command, args []string) error {
			image, command, err := splitArgs(c, args, o.file)
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
	o.target.addFlags(f)
	f.StringVarP(&o.file, "filename", "f", "", "seal a container of the manifest `FILE` (- for stdin) and write the seal into it")
	f.StringVarP(&o.container, "container", "c", "", "the `NAME` of the manifest's container")
	f.StringVar(&o.object, "select", "", "the manifest's object, as `KIND/NAME`")
	o.deliver.addFlags(f)
	f.StringArrayVar(&o.reports, "report", nil, "also write a report: `KIND=FILE`, json or markdown (repeatable)")
	f.BoolVar(&o.planOnly, "plan-only", false, "print the first plan without proving it, marked so")
	f.StringVar(&o.minimize, "minimize", string(seal.MinimizeFull), "how far to tighten what passes: none, fast or full")
	f.StringVar(&o.tracing, "trace", "auto", "trace every write: auto, on or off")
	f.StringArrayVar(&o.allow, "allow", nil, "accept an `EXCEPTION` of the seal, by the setting that the report names (repeatable)")
	o.cluster.addFlags(f)
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print neither progress nor report, only errors")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "show in the report what was set aside as runtime noise, too")
}

// splitArgs parts the image from the host command behind --.
func splitArgs(c *cobra.Command, args []string, file string) (image string, command []string, err error) {
	before := args
	if at := c.ArgsLenAtDash(); at >= 0 {
		before, command = args[:at], args[at:]
	}
	switch {
	case file != "" && len(before) > 0:
		return "", nil, badInput("give an image or -f FILE, not both: %s, %s", before[0], file)
	case file != "":
		return "", command, nil
	case len(before) == 0:
		return "", nil, badInput("no image given: podseal run IMAGE [flags] -- COMMAND..., or podseal run -f FILE")
	case len(before) > 1:
		return "", nil, badInput("unexpected argument %q: flags go before --, the e2e command after it", before[1])
	}
	return before[0], command, nil
}

func run(ctx context.Context, o runOptions, s streams, image string, command []string) error {
	t, src, err := o.check(s, image, command)
	if err != nil {
		return err
	}
	progress := report.NewProgress(s.err, report.ProgressOptions{Terminal: s.terminal, Quiet: o.quiet, Color: s.color, Width: s.width})
	defer progress.Done()
	res, err := sealTarget(ctx, o, t, progress)
	if err != nil {
		return err
	}
	progress.Done()
	code := o.exitCode(res)
	var d delivery
	var refused error // what was sealed cannot be written as it was asked for; the report is due all the same
	if code == exitSealed {
		d, refused = o.deliver.prepare([]sealedInput{inputOf(src, res)})
	}
	if err := o.report(s, res, code, d.written); err != nil {
		return err
	}
	if code != exitSealed {
		return verdictError(code)
	}
	if refused != nil {
		return refused
	}
	return d.write(o.deliver, s.out)
}

// inputOf is what was sealed, and where it stands.
func inputOf(src *source, res seal.Result) sealedInput {
	if src == nil {
		return sealedInput{sealed: []sealedContainer{{res: res}}}
	}
	in := sealedInput{file: src.file, path: src.file.Name, sealed: []sealedContainer{{pod: src.at.Pod, name: src.at.Container.Name, res: res}}}
	if in.path == "-" {
		in.path = ""
	}
	return in
}

// report shows the result on stderr and writes the files of --report.
func (o *runOptions) report(s streams, res seal.Result, code int, written []*report.Written) error {
	r := report.New(res)
	r.ExitCode = code
	if len(written) > 0 {
		r.Written = written[0]
	}
	if !o.quiet {
		if err := r.Text(s.err, report.TextOptions{Width: s.width, Color: s.color, Verbose: o.verbose}); err != nil {
			return err
		}
	}
	for _, spec := range o.reports {
		kind, name, _ := strings.Cut(spec, "=")
		var b bytes.Buffer
		if err := reports[kind](r, &b); err != nil {
			return err
		}
		if err := writeFile(name, b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// reports are the kinds of --report.
var reports = map[string]func(report.Report, io.Writer) error{
	"json":     report.Report.JSON,
	"markdown": report.Report.Markdown,
}

// check refuses bad input before anything is started. The source is nil when an image was given.
func (o *runOptions) check(s streams, image string, command []string) (t target.Target, src *source, err error) {
	if t, err = o.target.target(image, command); err != nil {
		return t, nil, err
	}
	if err := seal.CheckCommands(t.Commands); err != nil {
		return t, nil, asBadInput(err)
	}
	if err := o.checkWords(); err != nil {
		return t, nil, err
	}
	if o.file != "" {
		if src, err = readSource(s, o.file, o.object, o.container); err != nil {
			return t, nil, err
		}
		t, err = src.describe(t)
	}
	return t, src, err
}

// checkWords refuses flags with a value that they do not take, and files that cannot be written.
func (o *runOptions) checkWords() error {
	if err := o.cluster.apply(&seal.Options{}); err != nil {
		return err
	}
	if !slices.Contains([]string{"none", "fast", "full"}, o.minimize) {
		return badInput("--minimize %s: use none, fast or full", o.minimize)
	}
	if !slices.Contains([]string{"auto", "on", "off"}, o.tracing) {
		return badInput("--trace %s: use auto, on or off", o.tracing)
	}
	var paths []string
	if o.file != "" && o.file != "-" {
		paths = []string{o.file}
	}
	if err := o.deliver.check(paths, o.file == "-", o.planOnly); err != nil {
		return err
	}
	var names []string
	for _, r := range o.reports {
		kind, name, _ := strings.Cut(r, "=")
		if reports[kind] == nil || name == "" {
			return badInput("--report %s: use json=FILE or markdown=FILE", r)
		}
		names = append(names, name)
	}
	for _, name := range names {
		if err := checkWritable(name); err != nil {
			return err
		}
	}
	return nil
}

// exitCode turns the verdict into the exit code; exceptions that the user accepted do not count.
func (o *runOptions) exitCode(res seal.Result) int {
	switch {
	case res.Verdict == seal.NotTestable:
		return exitNotTestable
	case res.Verdict == seal.Sealed, res.Verdict == seal.Planned:
		return exitSealed
	case len(res.Exceptions) > 0 && allowed(res.Exceptions, o.allow):
		return exitSealed
	default:
		return exitNotSealed
	}
}

// allowed tells whether the user accepted every exception.
func allowed(exceptions []seal.Exception, allow []string) bool {
	for _, e := range exceptions {
		if !slices.Contains(allow, e.Setting) {
			return false
		}
	}
	return true
}
