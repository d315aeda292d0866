package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/podseal/podseal/internal/composefile"
	"github.com/podseal/podseal/internal/config"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/helmchart"
	"github.com/podseal/podseal/internal/input"
	"github.com/podseal/podseal/internal/outfile"
	"github.com/podseal/podseal/internal/safetext"
	"github.com/podseal/podseal/internal/target"
)

func newInitCommand(s streams) *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:   "init [IMAGE | MANIFEST | COMPOSE]",
		Short: "Write a podseal.yaml for an image, a manifest or a Compose file",
		Long: `Writes a podseal.yaml with comments, which runs as it is: a target for an image, for each container of a manifest (a file,
a folder, a kustomization or a Helm chart), or for each service of a Compose file, whose depends_on become needs. Without
an argument, the Compose file, the kustomization or the chart of the working directory is read. An existing file is not
overwritten. Add your e2e commands to it: until then, only the start is checked.`,
		Example: `  podseal init nginx:1.29
  podseal init deploy/
  podseal init compose.yaml`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return exitcode.BadInputf("unexpected argument %q: give one image, manifest or Compose file (see `%s --help`)", args[1], c.CommandPath())
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return runInit(s, args, output) },
	}
	c.Flags().StringVarP(&output, "output", "o", config.DefaultName, "write this `FILE`, or - for stdout")
	return c
}

// runInit writes a podseal.yaml.
func runInit(s streams, args []string, output string) error {
	name, err := initSource(args)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(output); err == nil && output != "-" {
		return exitcode.BadInputf("%s exists and is not overwritten: remove it, or write another file with -o", output)
	}
	d, err := draftOf(name, filepath.Dir(output))
	if err != nil {
		return exitcode.BadInput(err)
	}
	text := d.Text()
	if _, err := config.Parse(output, text); err != nil {
		return fmt.Errorf("the new file would not be valid: %w", err)
	}
	if output == "-" {
		_, err := s.out.Write(text)
		return err
	}
	if err := checkWritable(output); err != nil {
		return err
	}
	if err := writeFile(output, text); err != nil {
		return err
	}
	fmt.Fprintf(s.err, "podseal: wrote %s with %s; add e2e commands, then: podseal run --config %s\n", output, count(len(d.Targets), "target"), output)
	return nil
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// initSource returns what a podseal.yaml is made from: the argument, or what the working directory holds.
func initSource(args []string) (string, error) {
	if len(args) > 0 {
		if args[0] == "" || args[0] == "-" {
			return "", exitcode.BadInputf("name an image, a manifest or a Compose file")
		}
		return args[0], nil
	}
	for _, name := range []string{"compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"} {
		if _, err := os.Stat(name); err == nil {
			return name, nil
		}
	}
	if helmchart.Is(".") || input.IsKustomization(".") {
		return ".", nil
	}
	return "", exitcode.BadInputf("there is no Compose file, kustomization or chart here: name an image, a manifest or a Compose file")
}

// draftOf returns a draft for an image, a manifest or a Compose file. Paths are written relative to a folder.
func draftOf(name, folder string) (config.Draft, error) {
	d := config.Draft{Source: name, Outputs: config.Outputs{Seal: "{name}.seal.yaml"}}
	st, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) && !looksLikeFile(name) {
		d.Outputs.Manifest = "{name}.sealed.yaml"
		d.Result = "the sealed Pod of each target, and its seal for podseal check"
		d.Targets = []config.DraftTarget{{Name: config.NameOf(imageName(name)), Image: name}}
		return d, nil
	}
	if err != nil {
		return d, outfile.Plain(err)
	}
	at, err := relativeTo(folder, name)
	if err != nil {
		return d, err
	}
	if !st.IsDir() {
		source, err := os.ReadFile(name)
		if err != nil {
			return d, outfile.Plain(err)
		}
		if composefile.Is(source) {
			return composeDraft(d, name, at, source)
		}
	}
	return manifestDraft(d, name, at)
}

// looksLikeFile reports whether a name that does not exist is that of a file or a folder rather than of an image.
func looksLikeFile(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name)) || filepath.IsAbs(name) || strings.HasPrefix(name, ".") || strings.HasSuffix(name, "/")
}

// imageName returns the last part of an image's name, without tag and digest.
func imageName(image string) string {
	image, _, _ = strings.Cut(image, "@")
	image = image[strings.LastIndex(image, "/")+1:]
	image, _, _ = strings.Cut(image, ":")
	return image
}

// relativeTo returns the path of a file as it is seen from a folder.
func relativeTo(folder, name string) (string, error) {
	if filepath.IsAbs(name) || folder == "." {
		return filepath.ToSlash(filepath.Clean(name)), nil
	}
	from, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	to, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	rel, err := filepath.Rel(from, to)
	return filepath.ToSlash(rel), err
}

// composeDraft makes a target of each service.
func composeDraft(d config.Draft, name, at string, source []byte) (config.Draft, error) {
	project, err := composefile.Read(name, source, os.Environ())
	if err != nil {
		return d, err
	}
	services, err := project.Services()
	if err != nil {
		return d, err
	}
	d.Outputs.Manifest = "{name}.sealed.yaml"
	d.Result = "the sealed Pod of each service, and its seal for podseal check; format: compose makes an override file"
	for _, s := range services {
		t := config.DraftTarget{Name: config.NameOf(s.Name), Manifest: at, Service: s.Name, Completes: s.Completes}
		if s.Built {
			t.Note = "build its image first, with docker compose build: " + s.Image
		}
		for _, needed := range s.Needs {
			if config.NameOf(needed) == needed {
				t.Needs = append(t.Needs, config.Need{Name: needed})
			} else { // it is reached by a name that no target can have
				t.Needs = append(t.Needs, config.Need{Compose: at, Services: []string{needed}})
			}
		}
		d.Targets = append(d.Targets, t)
	}
	d.Targets = uniqueNames(d.Targets)
	return d, nil
}

// manifestDraft makes a target of each container. Where the manifest refers to ConfigMaps or Secrets that it does not hold,
// random values stand in for them.
func manifestDraft(d config.Draft, name, at string) (config.Draft, error) {
	options := input.Options{Files: []string{name}}
	set, err := input.Read(options, target.Target{})
	if err != nil {
		options.StandIns = true
		var again error
		if set, again = input.Read(options, target.Target{}); again != nil {
			return d, err
		}
	}
	built := false
	for _, f := range set.Files {
		built = built || f.Path == ""
		for _, p := range f.Pods {
			object := p.Pod.Manifest.Kind + "/" + p.Pod.Manifest.Name
			for _, container := range p.Chosen {
				d.Targets = append(d.Targets, config.DraftTarget{
					Name: config.NameOf(container), Manifest: at, Select: object, Container: container, StandIns: options.StandIns,
				})
			}
		}
	}
	if len(d.Targets) == 0 {
		return d, fmt.Errorf("%s has no container to seal", safetext.Line(name))
	}
	d.Targets = uniqueNames(d.Targets)
	d.Outputs, d.Result = manifestOutputs(d.Outputs, name, built)
	return d, nil
}

// manifestOutputs says where the results for manifests are written: into plain files themselves, else into new ones.
func manifestOutputs(o config.Outputs, name string, built bool) (config.Outputs, string) {
	switch {
	case !built:
		o.InPlace = true
		return o, "the proved settings are written into the manifests, and a seal for podseal check; see git diff"
	case helmchart.Is(name):
		o.Manifest, o.Format = "{name}.values.yaml", "helm-values"
		return o, "values for the chart, and a seal for podseal check"
	}
	o.Manifest, o.Format = "{name}.patch.yaml", "strategic-merge"
	return o, "a patch for each target, and its seal for podseal check"
}

// uniqueNames makes the names of targets differ: by their objects, else by numbers.
func uniqueNames(all []config.DraftTarget) []config.DraftTarget {
	uses := map[string]int{}
	for _, t := range all {
		uses[t.Name]++
	}
	taken := map[string]bool{}
	for i := range all {
		t := &all[i]
		if _, object, ok := strings.Cut(t.Select, "/"); uses[t.Name] > 1 && ok && object != t.Name {
			t.Name = config.NameOf(object + "-" + t.Name)
		}
		base := t.Name
		for n := 2; taken[t.Name]; n++ {
			suffix := fmt.Sprintf("-%d", n)
			t.Name = strings.TrimRight(base[:min(len(base), 63-len(suffix))], "-") + suffix
		}
		taken[t.Name] = true
	}
	return all
}
