package batch

import (
	"context"
	"errors"
	"fmt"

	"github.com/podseal/podseal/internal/config"
	"github.com/podseal/podseal/internal/input"
	"github.com/podseal/podseal/internal/target"
)

// needs returns the services that a target needs.
func (l *loader) needs(ctx context.Context, path string, t config.Target, item *Item) ([]target.Service, error) {
	var out []target.Service
	for i, n := range t.Needs {
		at := fmt.Sprintf("%s.needs[%d]", path, i)
		services, err := l.need(ctx, at, n, item)
		if err != nil {
			return nil, err
		}
		out = append(out, services...)
	}
	return out, nil
}

// need returns the services of one need: several for a Compose file.
func (l *loader) need(ctx context.Context, at string, n config.Need, item *Item) ([]target.Service, error) {
	if n.Compose != "" {
		return l.compose(ctx, at, n.Compose, n.Services, item)
	}
	if found, ok := l.services[n.Name]; ok {
		return found, nil
	}
	found, err := l.named(ctx, n.Name, item)
	l.services[n.Name] = found
	return found, err
}

// named returns the services of a name: those of a service of the file, or another target as its image says.
func (l *loader) named(ctx context.Context, name string, item *Item) ([]target.Service, error) {
	if s, ok := l.file.Services[name]; ok {
		at := "services." + name
		if s.Compose != "" {
			return l.compose(ctx, at, s.Compose, s.Services, item)
		}
		t, err := l.runtime(ctx, at, name, s.Runtime)
		t.Grace = usualGrace
		return []target.Service{{Name: name, Labels: s.Labels, Target: t}}, err
	}
	_, index := l.file.Target(name)
	service, err := l.other(ctx, index)
	return []target.Service{service}, err
}

// compose returns the services of a Compose file.
func (l *loader) compose(ctx context.Context, at, file string, services []string, item *Item) ([]target.Service, error) {
	out, notes, err := input.ComposeServices(ctx, l.file.Join(file), services)
	if err != nil {
		return nil, l.file.Fail(at, "%v", err)
	}
	item.Notes = append(item.Notes, notes...)
	return out, nil
}

// errNotOneContainer is the error of a target that cannot be a service.
var errNotOneContainer = errors.New("it is needed by another target, but its manifest has several containers to seal: choose one with container or select")

// other returns another target as a service: as its image or its manifest says, not sealed.
func (l *loader) other(ctx context.Context, index int) (target.Service, error) {
	t := l.file.Resolve(index)
	path := fmt.Sprintf("targets[%d]", index)
	var item Item
	base, err := l.target(ctx, path, t)
	if err != nil {
		return target.Service{}, err
	}
	base.Commands = nil
	if base.Needs, err = l.needs(ctx, path, t, &item); err != nil {
		return target.Service{}, err
	}
	out := target.Service{Name: t.Name, Of: t.Name, Target: base}
	if len(t.Manifest) == 0 {
		return out, nil
	}
	item.Target, item.Deliver = base, l.outputs(t.Outputs)
	if err := l.manifest(ctx, path, t, &item); err != nil {
		return out, err
	}
	planned := item.Targets()
	if len(planned) != 1 {
		return out, l.fail(path, t.Name, errNotOneContainer)
	}
	out.Target = planned[0]
	out.Target.Commands = nil
	for _, f := range item.Files {
		for _, p := range f.Pods {
			out.Labels = p.Pod.Manifest.Meta.Labels
		}
	}
	return out, nil
}
