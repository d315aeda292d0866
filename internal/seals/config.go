package seals

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/config"
	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/gate"
	"github.com/podseal/podseal/internal/helmchart"
	"github.com/podseal/podseal/internal/input"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/sealfile"
	"github.com/podseal/podseal/internal/target"
)

// reader reads the manifests of the targets of a podseal.yaml, each once.
type reader struct {
	file     *config.File
	files    map[string][]*manifest.File
	registry *Registry // that has the seals; nil for files
}

// Configured returns the subjects of the named targets of a podseal.yaml, in its order; all of them where none is named. A
// target without a seal is a finding. With a registry, the seals are those of the targets' images. An unknown name is an error, as is a manifest that cannot be read.
func Configured(ctx context.Context, f *config.File, names []string, registry *Registry) (subjects []Subject, missing []finding.Finding, err error) {
	for _, name := range names {
		if !slices.Contains(f.TargetNames(), name) {
			return nil, nil, fmt.Errorf("%s has no target %s; there are: %s", f.Name(), name, strings.Join(f.TargetNames(), ", "))
		}
	}
	r := reader{file: f, files: map[string][]*manifest.File{}, registry: registry}
	for i := range f.Targets {
		t := f.Resolve(i)
		if len(names) > 0 && !slices.Contains(names, t.Name) {
			continue
		}
		s, absent, err := r.sealed(ctx, t, i)
		switch {
		case err != nil:
			return nil, nil, err
		case absent != nil:
			missing = append(missing, *absent)
		default:
			subjects = append(subjects, s)
		}
	}
	return subjects, missing, nil
}

// sealed returns a target with its seals, or the finding that there are none.
func (r *reader) sealed(ctx context.Context, t config.Target, i int) (s Subject, absent *finding.Finding, err error) {
	var entries []sealfile.Entry
	if r.registry == nil {
		if entries, absent, err = r.seal(ctx, t, i); err != nil || absent != nil {
			return s, absent, err
		}
	}
	if s, err = r.subject(ctx, t); err != nil {
		return s, nil, err
	}
	s.Entries = entries
	if r.registry == nil {
		return s, nil, nil
	}
	if !s.SealOnly {
		s.Pairs, err = r.registry.Pairs(s.Targets)
		s.Entries = s.paired()
		return s, nil, err
	}
	if t.Image == "" {
		return s, nil, fmt.Errorf("target %s: no file has its sealed manifest, so that its images are not known: name outputs.manifest", t.Name)
	}
	if s.Entries, err = r.registry.Seals(t.Image); err == nil && len(s.Entries) == 0 {
		at := r.file.Place(fmt.Sprintf("targets[%d]", i))
		absent = &finding.Finding{
			Rule: finding.MissingSeal, Level: finding.Error, Target: t.Name, Subject: t.Name, File: r.file.Name(), Line: at.Line, Column: at.Column,
			Message: fmt.Sprintf("image %s has no seal in its registry: attach one with podseal attach", t.Image),
		}
	}
	return s, absent, err
}

// seal reads the seal file of a target, or returns the finding that there is none.
func (r *reader) seal(ctx context.Context, t config.Target, i int) ([]sealfile.Entry, *finding.Finding, error) {
	at := r.file.Place(fmt.Sprintf("targets[%d]", i))
	absent := finding.Finding{
		Rule: finding.MissingSeal, Level: finding.Error, Target: t.Name, Subject: t.Name, File: r.file.Name(), Line: at.Line, Column: at.Column,
	}
	if t.Outputs.Seal == "" {
		absent.Message = fmt.Sprintf("target %s names no seal file: set outputs.seal and run podseal run", t.Name)
		return nil, &absent, nil
	}
	if _, err := os.Stat(r.path(t.Outputs.Seal)); errors.Is(err, fs.ErrNotExist) {
		absent.Message = fmt.Sprintf("the seal file %s of target %s does not exist: run podseal run %s and commit it", t.Outputs.Seal, t.Name, t.Name)
		return nil, &absent, nil
	}
	entries, err := Load(ctx, []string{r.path(t.Outputs.Seal)})
	return entries, nil, err
}

func (r *reader) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(r.file.Folder(), name)
}

// subject returns a target with its containers and commands.
func (r *reader) subject(ctx context.Context, t config.Target) (s Subject, err error) {
	read := ReadScript(r.file.Folder())
	commands := sealfile.NewCommands(target.Target{Commands: commandsOf(t)}, read)
	s = Subject{Name: t.Name, Commands: &commands, Read: read, Accepted: gate.Accepted{Known: true}}
	for _, a := range t.Accept {
		s.Accepted.List = append(s.Accepted.List, sealfile.Acceptance{Setting: a.Setting, Reason: a.Reason, Expires: string(a.Expires)})
	}
	names := []string{t.Outputs.Manifest}
	switch {
	case t.Outputs.InPlace:
		names = t.Manifest
	case t.Outputs.Manifest == "" || t.Outputs.Format != "" && t.Outputs.Format != "yaml":
		s.SealOnly = true // no file holds the result itself
		return s, nil
	}
	files, err := r.manifests(ctx, t, names)
	if err != nil {
		return s, err
	}
	selection := manifest.Selection{Object: t.Select, Container: t.Container, Exclude: t.Exclude}
	if len(t.Manifest) == 0 {
		selection = manifest.Selection{}
	}
	s.Targets, err = manifest.Select(files, selection)
	return s, err
}

// manifests reads the manifests of a target. Targets that share them read them once.
func (r *reader) manifests(ctx context.Context, t config.Target, names []string) ([]*manifest.File, error) {
	o := input.Options{PodPath: t.PodPath, Chart: helmchart.Values{Set: t.Set}}
	for _, name := range names {
		o.Files = append(o.Files, r.path(name))
	}
	for _, name := range t.Values {
		o.Chart.Files = append(o.Chart.Files, r.path(name))
	}
	key := fmt.Sprintf("%q %q %q %q", o.Files, o.PodPath, o.Chart.Files, o.Chart.Set)
	if known, ok := r.files[key]; ok {
		return known, nil
	}
	files, _, err := input.Manifests(ctx, o)
	if err == nil {
		r.files[key] = files
	}
	return files, err
}

// commandsOf returns the e2e commands of a target.
func commandsOf(t config.Target) []target.Command {
	var out []target.Command
	add := func(line, exec, suite string) {
		c := target.Shell(line, false)
		if exec != "" {
			c = target.Shell(exec, true)
		}
		c.Suite = suite
		out = append(out, c)
	}
	for _, c := range t.Commands {
		if c.Suite == "" {
			add(c.Line, c.Exec, "")
		}
		for _, step := range c.Commands {
			add(step.Line, step.Exec, c.Suite)
		}
	}
	return out
}
