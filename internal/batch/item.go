package batch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/podseal/podseal/internal/config"
	"github.com/podseal/podseal/internal/deliver"
	"github.com/podseal/podseal/internal/input"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trial"
)

// Item is one target of a podseal.yaml, read and checked as far as that needs no engine.
type Item struct {
	Job

	Name     string // in podseal.yaml
	Deliver  deliver.Options
	SealFile string // empty for none
	Policy   report.Policy
	// Accepted are the exceptions that the file accepts and that have not expired.
	Accepted []config.Acceptance
	// Notes are what a user should know before the run, one sentence each.
	Notes []string
}

// The limits of a run where podseal.yaml does not set them. They are those of the flags.
const (
	usualReady, usualTimeout, usualGrace = time.Minute, 10 * time.Minute, 10 * time.Second
)

// LoadOptions are what Load needs to know in addition to the file.
type LoadOptions struct {
	Now time.Time
	// Allow are settings that every target may fall short in.
	Allow    []string
	PlanOnly bool
}

// Load reads the targets of a podseal.yaml, in the order of the file. No names mean all targets. The error names the place in
// the file.
func Load(ctx context.Context, f *config.File, names []string, o LoadOptions) ([]Item, error) {
	for _, name := range names {
		if _, i := f.Target(name); i < 0 {
			return nil, fmt.Errorf("%s has no target %s: it has %s", f.Name(), name, strings.Join(f.TargetNames(), ", "))
		}
	}
	l := loader{file: f, options: o, services: map[string][]target.Service{}}
	var out []Item
	for i, t := range f.Targets {
		if len(names) > 0 && !slices.Contains(names, t.Name) {
			continue
		}
		item, err := l.item(ctx, i)
		if err != nil {
			return nil, err
		}
		out = append(out, item)
	}
	return out, nil
}

// NewItem returns the item of a command line: the image of a target, or the chosen containers of a set of manifests, which may
// be empty. It refuses what the input alone shows to be wrong.
func NewItem(t target.Target, set input.Set, o deliver.Options, policy report.Policy, planOnly bool) (item Item, err error) {
	item = Item{Job: Job{Target: t, Files: set.Files}, Deliver: o, Policy: policy}
	if unsealed := Unsealed(set); o.PodSecurity != "" && len(unsealed) > 0 {
		return item, fmt.Errorf("--pod-security %s: the level restricted would also be enforced on pods that are not sealed: %w", o.PodSecurity, unsealed[0])
	}
	if err := item.CheckTargets(); err != nil {
		return item, err
	}
	shape := item.Shape()
	shape.PlanOnly = planOnly
	if err := o.Check(shape); err != nil {
		return item, err
	}
	item.Notes, err = o.Rehearse(item.Planned(), policy.Allow)
	return item, err
}

// loader reads the targets of a file. Services are read once.
type loader struct {
	file     *config.File
	options  LoadOptions
	services map[string][]target.Service
}

// item reads the target of an index.
func (l *loader) item(ctx context.Context, index int) (Item, error) {
	t := l.file.Resolve(index)
	path := fmt.Sprintf("targets[%d]", index)
	item := Item{Name: t.Name, SealFile: l.file.Join(t.Outputs.Seal)}
	base, err := l.target(ctx, path, t)
	if err != nil {
		return item, err
	}
	if base.Needs, err = l.needs(ctx, path, t, &item); err != nil {
		return item, err
	}
	item.Target = base
	item.Deliver = l.outputs(t.Outputs)
	if err := l.accept(path, t, &item); err != nil {
		return item, err
	}
	if len(t.Manifest) > 0 {
		if err := l.manifest(ctx, path, t, &item); err != nil {
			return item, err
		}
	}
	shape := item.Shape()
	shape.PlanOnly = l.options.PlanOnly
	if item.Deliver.InPlace && shape.Built {
		return item, l.fail(path+".outputs.inPlace", t.Name, errBuilt)
	}
	if err := item.Deliver.Check(shape); err != nil {
		return item, l.fail(path+".outputs", t.Name, err)
	}
	notes, err := item.Deliver.Rehearse(item.Planned(), item.Policy.Allow)
	if err != nil {
		return item, l.fail(path+".outputs", t.Name, err)
	}
	item.Notes = append(item.Notes, notes...)
	return item, nil
}

var errBuilt = errors.New("inPlace changes manifest files, and cannot change what is made of a kustomization, a chart or a Compose file: name a file with manifest")

// fail returns an error about a target with its place in podseal.yaml.
func (l *loader) fail(path, name string, err error) error {
	return l.file.Fail(path, "target %s: %v", name, err)
}

// target returns how a target runs, without its needs.
func (l *loader) target(ctx context.Context, path string, t config.Target) (target.Target, error) {
	out, err := l.runtime(ctx, path, t.Name, t.Runtime)
	if err != nil {
		return out, err
	}
	out.Network, out.Completes = t.Network, t.Completes
	out.Soak, out.Timeout = time.Duration(t.Soak), cmp.Or(time.Duration(t.Timeout), usualTimeout)
	out.Grace = time.Duration(t.StopTimeout)
	if t.Image != "" { // a pod says it itself
		out.Grace = cmp.Or(out.Grace, usualGrace)
	}
	for _, c := range t.Commands {
		if c.Suite == "" {
			out.Commands = append(out.Commands, command(config.Step{Line: c.Line, Exec: c.Exec}, ""))
		}
		for _, step := range c.Commands {
			out.Commands = append(out.Commands, command(step, c.Suite))
		}
	}
	if err := trial.CheckCommands(out.Commands); err != nil {
		return out, l.fail(path+".commands", t.Name, err)
	}
	return out, nil
}

func command(s config.Step, suite string) target.Command {
	out := target.Shell(s.Line+s.Exec, s.Exec != "")
	out.Suite = suite
	return out
}

// runtime returns how a container runs.
func (l *loader) runtime(ctx context.Context, path, name string, r config.Runtime) (target.Target, error) {
	out := target.Target{
		Image: r.Image, Platform: r.Platform, Entrypoint: r.Entrypoint, Args: r.Args, User: string(r.User), WorkingDir: r.Workdir,
		Ports: r.Ports, Alias: name,
		Ready: target.Ready{
			Command: r.Ready.Command, HTTP: r.Ready.HTTP, Log: r.Ready.Log, Exec: r.Ready.Exec,
			Timeout: cmp.Or(time.Duration(r.Ready.Timeout), usualReady),
		},
	}
	if out.Dir = l.file.Folder(); out.Dir == "." {
		out.Dir = ""
	}
	var err error
	if out.Env, err = input.Environment(ctx, l.joined(r.EnvFiles), r.Env.Variables()); err != nil {
		return out, l.fail(path+".envFiles", name, err)
	}
	return out, nil
}

// joined returns paths of the file as the working directory sees them.
func (l *loader) joined(paths []string) []string {
	var out []string
	for _, p := range paths {
		out = append(out, l.file.Join(p))
	}
	return out
}

func (l *loader) outputs(o config.Outputs) deliver.Options {
	return deliver.Options{
		Output: l.file.Join(o.Manifest), Format: cmp.Or(o.Format, config.FormatYAML), InPlace: o.InPlace, KeepToken: o.KeepToken,
		NetworkPolicy: l.file.Join(o.NetworkPolicy), PodSecurity: l.file.Join(o.PodSecurity),
		Egress: o.Egress,
	}
}

// accept sets the policy of a target. Exceptions that have expired are not accepted, and noted.
func (l *loader) accept(path string, t config.Target, item *Item) error {
	item.Policy = report.Policy{Allow: slices.Clone(l.options.Allow), Strict: t.Strict}
	for i, a := range t.Accept {
		if err := (report.Policy{Allow: []string{a.Setting}}).Check(); err != nil {
			return l.file.Fail(fmt.Sprintf("%s.accept[%d].setting", path, i), "target %s: there is no exception %s: use the setting that the report names, for example runAsNonRoot or capabilities:CHOWN", t.Name, a.Setting)
		}
		if a.Expires.Before(l.options.Now) {
			item.Notes = append(item.Notes, fmt.Sprintf("the exception %s expired on %s and is not accepted (%s)", a.Setting, a.Expires, a.Reason))
			continue
		}
		item.Accepted = append(item.Accepted, a)
		item.Policy.Allow = append(item.Policy.Allow, a.Setting)
	}
	return nil
}

// manifest reads the manifests of a target.
func (l *loader) manifest(ctx context.Context, path string, t config.Target, item *Item) error {
	o := input.Options{
		Files: l.joined(t.Manifest), With: l.joined(t.With), Object: t.Select, Container: t.Container, Service: t.Service, Params: t.Params, Exclude: t.Exclude,
		PodPath: t.PodPath, StandIns: t.StandIns, HostPath: t.AllowHostPath,
	}
	o.Chart.Files, o.Chart.Set = l.joined(t.Values), t.Set
	if item.Deliver.Format == config.FormatKustomize {
		o.Replaces = item.Deliver.Output
	}
	set, err := input.Read(ctx, o, item.Target)
	if err != nil {
		return l.fail(path+".manifest", t.Name, err)
	}
	item.Files = set.Files
	item.Notes = append(item.Notes, set.Notes...)
	if unsealed := Unsealed(set); item.Deliver.PodSecurity != "" && len(unsealed) > 0 {
		return l.fail(path+".outputs.podSecurity", t.Name, fmt.Errorf("the level restricted would also be enforced on pods that are not sealed: %w", unsealed[0]))
	}
	if err := item.CheckTargets(); err != nil {
		return l.fail(path+".commands", t.Name, err)
	}
	return nil
}

// Unsealed returns why pods of a set are not sealed, one error for each.
func Unsealed(set input.Set) []error {
	out := slices.Clone(set.Skipped)
	for _, object := range set.Unsealed {
		out = append(out, object.Unsealed())
	}
	for _, f := range set.Files {
		for _, p := range f.Pods {
			if by := p.Pod.Manifest.Controller(); by != nil {
				out = append(out, fmt.Errorf("%s adds containers to the pods of %s", by.Name, p.Pod.Manifest))
			}
		}
	}
	return out
}
