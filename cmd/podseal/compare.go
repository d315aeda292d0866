package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/podseal/podseal/internal/batch"
	"github.com/podseal/podseal/internal/compare"
	"github.com/podseal/podseal/internal/engines"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/redact"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/trial"
)

// compareFormats are the forms of a comparison.
var compareFormats = map[string]func(compare.Comparison, io.Writer) error{
	"text":     compare.Comparison.Text,
	"json":     compare.Comparison.JSON,
	"markdown": compare.Comparison.Markdown,
}

// compareOptions are the flags of podseal compare.
type compareOptions struct {
	target targetOptions
	redact redactOptions
	format string
	quiet  bool
}

func newCompareCommand(s streams) *cobra.Command {
	var o compareOptions
	c := &cobra.Command{
		Use:   "compare IMAGE_A IMAGE_B [flags] -- COMMAND...",
		Short: "Compare what two images do under the same e2e commands",
		Long: `Seal both images with the same e2e commands, and print what differs: verdict, user, exceptions, mounts and settings
that the profile needs, losses, ports, users of processes, exit codes, and writes with their process and phase. Use it
before an image is upgraded, or to move to a hardened one.

Exit code 5 means that the second image needs more than the first: it is not sealed where the first is, or it needs
another user, a mount, a setting or an exception, or loses what the first does not lose. Exit code 3 means that the commands fail on an image as it is.`,
		Example: `  podseal compare nginx:1.28 nginx:1.29 -- sh -c 'curl -fsS $PODSEAL_URL/ | grep -q Welcome'
  podseal compare shop:1.4 shop:1.5 --format markdown --exec './smoke.sh' >>"$GITHUB_STEP_SUMMARY"`,
		RunE: func(c *cobra.Command, args []string) error {
			images, command := splitDash(c, args)
			if len(images) != 2 {
				return exitcode.BadInputf("give two images: podseal compare IMAGE_A IMAGE_B [flags] -- COMMAND...")
			}
			return o.run(c.Context(), s, images, command)
		},
	}
	f := c.Flags()
	f.SortFlags = false
	o.target.addFlags(f)
	f.StringVar(&o.format, "format", "text", "print the comparison as text, json or markdown")
	o.redact.addFlags(f)
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print no progress")
	return c
}

// run seals both images and prints what differs.
func (o *compareOptions) run(ctx context.Context, s streams, images, command []string) error {
	if err := o.redact.apply(s); err != nil {
		return err
	}
	if compareFormats[o.format] == nil {
		return exitcode.BadInputf("--format %s: use one of %s", o.format, strings.Join(slices.Sorted(maps.Keys(compareFormats)), ", "))
	}
	for _, image := range images {
		if err := checkImageName(image); err != nil {
			return err
		}
	}
	t, err := o.target.target(ctx, images[0], command)
	if err != nil {
		return err
	}
	if err := trial.CheckCommands(t.Commands); err != nil {
		return exitcode.BadInput(err)
	}
	var jobs []batch.Job
	for _, image := range images {
		t.Image = image
		jobs = append(jobs, batch.Job{Target: t})
	}
	results, err := o.seal(ctx, s, jobs)
	if err != nil {
		return err
	}
	c := redact.Apply(s.redact, compare.Of(results[0], results[1]))
	if err := compareFormats[o.format](c, s.out); err != nil {
		return err
	}
	switch {
	case !c.Testable():
		return verdictError(exitcode.NotTestable)
	case c.NeedsMore:
		return verdictError(exitcode.Drift)
	}
	return nil
}

// seal seals the image of each job, one after the other, so that neither disturbs the other's timing.
func (o *compareOptions) seal(ctx context.Context, s streams, jobs []batch.Job) ([]seal.Result, error) {
	progress := s.progress(o.quiet)
	defer progress.Done()
	var results []seal.Result
	err := engines.With(ctx, engines.Options{Progress: progress.Step}, func(e *engines.Engine) error {
		for _, j := range jobs {
			if err := j.Preflight(ctx, e); err != nil {
				return err
			}
		}
		for _, j := range jobs {
			o := searchOn(e, progress)
			o.Seal.Progress = func(line string) { progress.Step(fmt.Sprintf("%s: %s", j.Target.Image, line)) }
			sealed, err := j.Seal(ctx, e.Runs, o)
			if err != nil {
				return err
			}
			results = append(results, sealed[0].Results[0])
		}
		return nil
	})
	return results, err
}
