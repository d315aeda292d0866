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
	from, platform, stage string
	format, output        string
	catalog               string
	failOn, writes        []string
	deep, verify, write   bool
	ownCatalogOnly        bool // leave the shipped catalog out
}

func newAdviseCommand(s streams) *cobra.Command {
	var o adviseOptions
	c := &cobra.Command{
		Use:   "advise {IMAGE | DOCKERFILE | MANIFEST | ARCHIVE | FOLDER}",
		Short: "Say whether and why an image runs as root, which uid it can run as, and the best way out",
		Long: `Reads an image, a Dockerfile, or the images of a manifest, and tells the images apart that only declare root but drop
it themselves, whose workers drop it, that never drop it, that name their user, and that are fine. Each sentence comes
with its evidence. Nothing is run.

An image is looked for in the engine, then in its registry, of which only what is needed is read. A Dockerfile gets a
patch to a numeric non-root user.`,
		Example: `  podseal advise redis:8
  podseal advise --from registry --verify ghcr.io/example/app:1.2
  podseal advise Dockerfile | git apply
  podseal advise --fail-on root,named-user deploy.yaml`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return badInput("%s takes one image, file or folder, got %d arguments", c.CommandPath(), len(args))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return runAdvise(c.Context(), o, s, args[0]) },
	}
	o.addFlags(c)
	return c
}

func (o *adviseOptions) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.from, "from", "", "where an image is read: engine, registry, archive (docker save) or layout (OCI); default: found out")
	f.StringVar(&o.platform, "platform", "", "platform of an image of several, as linux/arm64")
	f.BoolVar(&o.deep, "deep", false, "of an image in a registry, read all layers: setuid files, file capabilities, owners")
	f.BoolVar(&o.verify, "verify", false, "ask the registry whether each other image that is advised exists and is not root")
	f.StringVar(&o.catalog, "catalog", "", "`FILE` with more images and alternatives; its entries replace those of the shipped catalog")
	f.BoolVar(&o.ownCatalogOnly, "no-shipped-catalog", false, "advise no image but those of --catalog")
	f.StringVar(&o.stage, "target", "", "stage of the Dockerfile that is built; default: the last one")
	f.StringSliceVar(&o.writes, "writes", nil, "folders that the application of the Dockerfile writes to, besides its VOLUMEs")
	f.BoolVar(&o.write, "write", false, "write the change into the Dockerfile")
	f.StringVar(&o.format, "format", "text", "text, json, or sarif (findings in Dockerfiles)")
	f.StringVarP(&o.output, "output", "o", "", "`FILE` for the advice; default: stdout")
	f.StringSliceVar(&o.failOn, "fail-on", nil, "exit with code 4 on these findings: "+strings.Join(adviceIDs(), ", "))
}

// adviceIDs are all ids of findings, of images and of Dockerfiles.
func adviceIDs() []string {
	return append(advise.FindingIDs(), dockerfile.RuleBase, dockerfile.RuleChownLayer)
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
	return checkWritable(o.output)
}

func runAdvise(ctx context.Context, o adviseOptions, s streams, what string) error {
	if err := o.check(); err != nil {
		return err
	}
	catalog, err := o.readCatalog()
	if err != nil {
		return err
	}
	a := &adviser{opts: o, streams: s, catalog: catalog}
	defer a.close()
	if err := a.look(ctx, what); err != nil {
		return err
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
		if !a.opts.write || d.Diff == "" {
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
	return image.Exists(ctx, ref, a.opts.platform)
}
