// Package draft makes the draft of a podseal.yaml from an image, a manifest or a Compose file.
package draft

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/podseal/podseal/internal/composefile"
	"github.com/podseal/podseal/internal/config"
	"github.com/podseal/podseal/internal/helmchart"
	"github.com/podseal/podseal/internal/infile"
	"github.com/podseal/podseal/internal/input"
	"github.com/podseal/podseal/internal/outfile"
	"github.com/podseal/podseal/internal/safetext"
	"github.com/podseal/podseal/internal/target"
)

// Source returns what a podseal.yaml is made from: the argument, or what the working directory holds.
func Source(args []string) (string, error) {
	if len(args) > 0 {
		if args[0] == "" || args[0] == "-" {
			return "", errors.New("name an image, a manifest or a Compose file")
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
	return "", errors.New("there is no Compose file, kustomization or chart here: name an image, a manifest or a Compose file")
}

// Of returns a draft for an image, a manifest or a Compose file. Paths are written relative to a folder.
func Of(ctx context.Context, name, folder string) (config.Draft, error) {
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
		source, err := infile.Read(ctx, name)
		if err != nil {
			return d, outfile.Plain(err)
		}
		if composefile.Is(source) {
			return composeDraft(ctx, d, name, at, source)
		}
	}
	return manifestDraft(ctx, d, name, at)
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
func composeDraft(ctx context.Context, d config.Draft, name, at string, source []byte) (config.Draft, error) {
	project, err := composefile.Read(ctx, name, source, os.Environ())
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
func manifestDraft(ctx context.Context, d config.Draft, name, at string) (config.Draft, error) {
	options := input.Options{Files: []string{name}}
	set, err := input.Read(ctx, options, target.Target{})
	if err != nil {
		options.StandIns = true
		var again error
		if set, again = input.Read(ctx, options, target.Target{}); again != nil {
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
		o.Manifest, o.Format = "{name}.values.yaml", config.FormatHelmValues
		return o, "values for the chart, and a seal for podseal check"
	}
	o.Manifest, o.Format = "{name}.patch.yaml", config.FormatStrategicMerge
	return o, "a patch for each target, and its seal for podseal check"
}
