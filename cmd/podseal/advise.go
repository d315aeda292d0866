package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"github.com/podseal/podseal/internal/advise"
	"github.com/podseal/podseal/internal/advise/dockerfile"
	"github.com/podseal/podseal/internal/image"
)

// adviseOptions are the flags of podseal advise.
type adviseOptions struct {
	target targetOptions // for --prove; its platform is the one of every image
	prove  proveOptions

	from, stage         string
	format, output      string
	catalog             string
	failOn, writes      []string
	deep, verify, write bool
	ownCatalogOnly      bool // leave the shipped catalog out
}

func newAdviseCommand(s streams) *cobra.Command {
	var o adviseOptions
	c := &cobra.Command{
		Use:   "advise {IMAGE | DOCKERFILE | MANIFEST | ARCHIVE | FOLDER} [flags] [-- COMMAND...]",
		Short: "Say whether and why an image runs as root, which uid it can run as, and the best way out",
		Long: `Reads an image, a Dockerfile, or the images of a manifest, and tells the images apart that only declare root but drop
it themselves, whose workers drop it, that never drop it, that name their user, and that are fine. Each sentence comes
with its evidence. Nothing is run, but for --prove.

An image is looked for in the engine, then in its registry, of which only what is needed is read. A Dockerfile gets a
patch to a numeric non-root user; --prove builds the changed Dockerfile, and seals the image with the e2e commands as
podseal run does.`,
		Example: `  podseal advise redis:8
  podseal advise --from registry --verify ghcr.io/example/app:1.2
  podseal advise Dockerfile | git apply
  podseal advise --fail-on root,named-user deploy.yaml
  podseal advise --prove Dockerfile -- sh -c 'curl -fsS $PODSEAL_URL/'`,
		RunE: func(c *cobra.Command, args []string) error {
			what, err := o.splitArgs(c, args)
			if err != nil {
				return err
			}
			return runAdvise(c.Context(), o, s, what)
		},
	}
	o.addFlags(c)
	return c
}

func (o *adviseOptions) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&o.from, "from", "", "where an image is read: engine, registry, archive (docker save) or layout (OCI); default: found out")
	f.BoolVar(&o.deep, "deep", false, "of an image in a registry, read all layers: setuid files, file capabilities, owners")
	f.BoolVar(&o.verify, "verify", false, "ask the registry whether each other image that is advised exists and is not root")
	f.StringVar(&o.catalog, "catalog", "", "`FILE` with more images and alternatives; its entries replace those of the shipped catalog")
	f.BoolVar(&o.ownCatalogOnly, "no-shipped-catalog", false, "advise no image but those of --catalog")
	f.StringVar(&o.stage, "target", "", "`STAGE` of the Dockerfile that is built; default: the last one")
	f.StringArrayVar(&o.prove.args, "build-arg", nil, "a build argument of the Dockerfile: `NAME=VALUE`, or NAME to take its value from here (repeatable)")
	f.StringSliceVar(&o.writes, "writes", nil, "`FOLDERS` that the application of the Dockerfile writes to, besides its VOLUMEs")
	f.BoolVar(&o.write, "write", false, "write the change into the Dockerfile; with --prove only if it is proved")
	f.StringVar(&o.format, "format", "text", "text, json, or sarif (findings in Dockerfiles)")
	f.StringVarP(&o.output, "output", "o", "", "`FILE` for the advice; default: stdout")
	f.StringSliceVar(&o.failOn, "fail-on", nil, "exit with code 4 on these `FINDINGS`: "+strings.Join(adviceIDs(), ", "))
	o.prove.addFlags(f)
	o.target.addFlags(f)
}

// adviceIDs are all ids of findings, of images and of Dockerfiles.
func adviceIDs() []string {
	return append(advise.FindingIDs(), dockerfile.RuleBase, dockerfile.RuleChownLayer, dockerfile.RuleOnbuild)
}

func (o adviseOptions) check() error {
	for _, id := range o.failOn {
		if !slices.Contains(adviceIDs(), id) {
			return badInput("--fail-on %s: there is no such finding; there are: %s", id, strings.Join(adviceIDs(), ", "))
		}
	}
	if !slices.Contains([]string{"text", "json", "sarif"}, o.format) {
		return badInput("--format %s: it is one of text, json, sarif", o.format)
	}
	if !slices.Contains([]string{"", "engine", "registry", "archive", "layout"}, o.from) {
		return badInput("--from %s: it is one of engine, registry, archive, layout", o.from)
	}
	if err := checkWritable(o.output); err != nil {
		return err
	}
	return o.checkProve()
}

func runAdvise(ctx context.Context, o adviseOptions, s streams, what string) error {
	if err := o.check(); err != nil {
		return err
	}
	catalog, err := o.readCatalog()
	if err != nil {
		return err
	}
	a := &adviser{opts: o, streams: s, catalog: catalog, bases: map[string]dockerfile.Base{}}
	defer a.close()
	if err := a.look(ctx, what); err != nil {
		return err
	}
	if o.format == "sarif" && len(a.outcome.Dockerfiles) == 0 {
		return badInput("--format sarif shows findings in Dockerfiles: %s has none; use json", what)
	}
	if o.prove.on {
		if err := a.prove(ctx, what); err != nil {
			return err
		}
	}
	if err := a.writeDockerfiles(); err != nil {
		return err
	}
	data, err := o.render(a.outcome)
	if err != nil {
		return err
	}
	if o.output != "" {
		err = writeFile(o.output, data)
	} else {
		_, err = s.out.Write(data)
	}
	if err != nil {
		return fmt.Errorf("writing the advice: %w", err)
	}
	for _, d := range a.outcome.Dockerfiles {
		if d.Proof != nil && !d.Proof.Proved {
			return &codedError{code: exitNotSealed, err: fmt.Errorf("the advice on %s is not proved", d.File)}
		}
	}
	if id, found := a.outcome.Has(o.failOn); found {
		return &codedError{code: exitNotSealed, err: fmt.Errorf("found %s, which --fail-on names", id)}
	}
	return nil
}

func (o adviseOptions) readCatalog() (advise.Catalog, error) {
	shipped, err := advise.ShippedCatalog()
	if err != nil {
		return advise.Catalog{}, err
	}
	if o.ownCatalogOnly {
		shipped.Images = nil
	}
	if o.catalog == "" {
		return shipped, nil
	}
	data, err := os.ReadFile(o.catalog)
	if err != nil {
		return advise.Catalog{}, badInput("%w", plainPathError(err))
	}
	own, err := advise.ParseCatalog(data)
	if err != nil {
		return advise.Catalog{}, badInput("%s: %w", o.catalog, err)
	}
	return shipped.Extended(own), nil
}

func (o adviseOptions) render(out advise.Outcome) ([]byte, error) {
	switch o.format {
	case "json":
		return out.JSON()
	case "sarif":
		return out.SARIF(version)
	default:
		return []byte(out.Text()), nil
	}
}

// writeDockerfiles writes the changes, where that is asked for.
func (a *adviser) writeDockerfiles() error {
	for i, d := range a.outcome.Dockerfiles {
		if !a.opts.write || d.Diff == "" || d.Proof != nil && !d.Proof.Proved {
			continue
		}
		st, err := os.Stat(d.File)
		if err != nil {
			return badInput("%w", plainPathError(err))
		}
		if err := writeFile(d.File, d.Patched); err != nil {
			return err
		}
		if err := os.Chmod(d.File, st.Mode().Perm()); err != nil {
			return fmt.Errorf("writing %s: %w", d.File, err)
		}
		a.outcome.Dockerfiles[i].Written = true
	}
	return nil
}

// configOf asks a registry for the config of an image.
func (a *adviser) configOf(ctx context.Context, ref string) (*v1.ConfigFile, error) {
	return image.Exists(ctx, ref, a.opts.target.platform)
}
