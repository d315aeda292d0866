package podrun

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/target"
)

// member is another container of the target's pod.
type member struct {
	*instance
	spec target.Member
}

// memberList is the other containers of a target's pod that have been started.
type memberList struct {
	e       *Engine
	pod     *sandbox
	cleanup *cleanup // of the target
	list    []*member
}

// start starts containers of the pod one after the other; an init container has ended before the next starts.
func (l *memberList) start(ctx context.Context, specs []target.Member) error {
	for _, spec := range specs {
		m, err := l.startOne(ctx, spec)
		if err != nil {
			return fmt.Errorf("%s %s of %s: %w", spec.Kind, spec.Name, l.pod.pod.Original, err)
		}
		l.list = append(l.list, m)
	}
	return nil
}

func (l *memberList) startOne(ctx context.Context, spec target.Member) (*member, error) {
	facts, err := l.e.client.Image(ctx, spec.Target.Image, spec.Target.Platform)
	if err != nil {
		return nil, err
	}
	m := &member{spec: spec, instance: l.e.newInstance(spec.Target, facts, spec.Profile)}
	m.pod = l.pod
	l.cleanup.add(m.cleanup.run)
	if spec.Profile.Open {
		if err := m.pod.mergeGroups(ctx, facts, spec.Target.User); err != nil {
			return nil, err
		}
	}
	err = m.setUp(ctx)
	if seed := new(engine.SeedError); errors.As(err, &seed) { // not one of the target's mounts
		return nil, &engine.PodError{What: fmt.Sprintf("%s %s: %v", spec.Kind, spec.Name, seed)}
	}
	if err == nil && spec.Kind == target.Init {
		err = m.complete(ctx)
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

// complete waits for the end of an init container, which must succeed.
func (m *member) complete(ctx context.Context) error {
	if err := m.wait(ctx); err != nil {
		return err
	}
	state, err := m.state(ctx)
	if err != nil || state.Exit.Code == 0 {
		return err
	}
	output, err := m.output(ctx, state)
	if err != nil {
		return err
	}
	return &engine.PodError{What: fmt.Sprintf("%s %s exited %d", m.spec.Kind, m.spec.Name, state.Exit.Code), Output: output}
}

// output returns what a member that has ended wrote; where it never ran, why.
func (m *member) output(ctx context.Context, s engine.State) (string, error) {
	if s.Exit.Error != "" {
		return s.Exit.Error, nil
	}
	logs, err := m.box.Logs(ctx)
	return strings.TrimSpace(logs), err
}

// removeAfter removes all members but the first ones.
func (l *memberList) removeAfter(ctx context.Context, keep int) error {
	if keep >= len(l.list) {
		return nil
	}
	var errs []error
	for _, m := range l.list[keep:] {
		errs = append(errs, m.cleanup.run(ctx))
	}
	l.list = l.list[:keep]
	return errors.Join(errs...)
}

// named returns the member of that name.
func (l *memberList) named(name string) (*member, bool) {
	for _, m := range l.list {
		if m.spec.Name == name {
			return m, true
		}
	}
	return nil, false
}

// ended names a member that should run and has ended, with its state; "" where there is none.
func (l *memberList) ended(ctx context.Context) (string, error) {
	for _, m := range l.list {
		if m.spec.Kind == target.Init {
			continue
		}
		s, err := m.state(ctx)
		if err != nil {
			return "", err
		}
		if s.Running || m.target.Completes && s.Exit.Code == 0 {
			continue
		}
		what := fmt.Sprintf("%s %s exited %d", m.spec.Kind, m.spec.Name, s.Exit.Code)
		output, err := m.output(ctx, s)
		if err != nil || output == "" {
			return what, err
		}
		return what + ", saying: " + output[strings.LastIndexByte(output, '\n')+1:] + ",", nil
	}
	return "", nil
}
