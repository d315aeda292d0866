package podrun

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/inside"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/tracehost"
)

// mountSet makes, seeds and empties the mounts of one container's profile.
type mountSet struct {
	e        *Engine
	facts    image.Facts // of the application
	platform string
	profile  profile.Profile
	group    *int64   // fsGroup
	groups   []string // further groups of the pod
	cleanup  *cleanup

	list     []mounted
	prepared bool // the roots of the volumes have their owners and modes
}

// make makes the volumes of the profile's mounts, and seeds those that have an init container.
func (s *mountSet) make(ctx context.Context) error {
	var err error
	if s.list, s.prepared = s.e.prewarmed.take(s.profile.Mounts, s.group); !s.prepared {
		s.list, err = s.e.volumes.emptyDirs(ctx, s.profile.Mounts)
	}
	inits := false
	for _, m := range s.list {
		s.cleanup.addVolume(s.e.client, m.volume.Name)
		inits = inits || m.NeedsInit()
	}
	if err != nil || !inits {
		return err
	}
	return s.seed(ctx)
}

// seed creates the init containers and runs them.
func (s *mountSet) seed(ctx context.Context) error {
	if err := s.prepare(ctx); err != nil {
		return err
	}
	for i, m := range s.list {
		if !m.NeedsInit() {
			continue
		}
		init, err := s.makeInit(ctx, m)
		if err != nil {
			return err
		}
		s.list[i].init = init
	}
	if err := s.runInits(ctx); err != nil {
		return err
	}
	for i, m := range s.list {
		if !m.NeedsInit() {
			continue
		}
		v, err := s.e.client.CreateBoundVolume(ctx, "folder", m.volume.Path+"/"+profile.SeedSubPath)
		if err != nil {
			return err
		}
		s.cleanup.addVolume(s.e.client, v.Name)
		s.list[i].folder = v.Name
	}
	return nil
}

// prepare prepares the roots of the volumes, once.
func (s *mountSet) prepare(ctx context.Context) error {
	if s.prepared {
		return nil
	}
	s.prepared = true
	return s.e.volumes.prepare(ctx, s.facts, s.list, s.group)
}

// seedFacts returns the facts of the image that the init containers run in.
func (s *mountSet) seedFacts(ctx context.Context) (image.Facts, error) {
	name := s.profile.Seeding.Image
	if name == "" {
		return s.facts, nil
	}
	facts, err := s.e.client.Image(ctx, name, s.platform)
	if err != nil {
		return facts, fmt.Errorf("getting the image of the init containers: %w", err)
	}
	return facts, nil
}

// makeInit creates the init container of a mount, with the user and the restrictions of the application.
func (s *mountSet) makeInit(ctx context.Context, m mounted) (*docker.Container, error) {
	facts, err := s.seedFacts(ctx)
	if err != nil {
		return nil, err
	}
	spec := initSpec(facts, s.profile, m)
	if m.Kind == profile.Seeded && s.profile.Seeding.ImageVolume {
		volume, err := s.e.volumes.imageVolume(ctx, s.facts, m.Path)
		if err != nil {
			return nil, err
		}
		spec.Mounts = append(spec.Mounts, docker.Mount{Source: volume, Target: profile.SeedImagePath, ReadOnly: true})
	}
	spec.Groups = withGroups(spec.Groups, s.groups)
	box, err := s.e.client.Create(ctx, "init", spec)
	if err == nil {
		s.cleanup.add(box.Remove)
	}
	return box, err
}

// runInits runs the init containers one after the other, as a kubelet does at every start of a pod's sandbox.
func (s *mountSet) runInits(ctx context.Context) error {
	for _, m := range s.list {
		if m.init == nil {
			continue
		}
		code, output, err := m.init.RunToEnd(ctx)
		if err != nil {
			return fmt.Errorf("running the init container of %s: %w", m.Path, err)
		}
		if code != 0 {
			return &engine.SeedError{Path: m.Path, Output: profile.SeedMessages(output), Code: code}
		}
	}
	return nil
}

// empty removes the content of the mounts at some paths.
func (s *mountSet) empty(ctx context.Context, paths []string) (err error) {
	spec := docker.Spec{Entrypoint: []string{tracehost.HelperProgram, inside.EmptyCommand}, User: "0:0", Network: "none"}
	for i, m := range s.list {
		if slices.Contains(paths, m.Path) {
			spec.Mounts = append(spec.Mounts, docker.Mount{Source: m.volume.Name, Target: prepared(i)})
			spec.Entrypoint = append(spec.Entrypoint, prepared(i))
		}
	}
	if len(spec.Mounts) == 0 {
		return nil
	}
	if _, err := s.e.helper.Facts(ctx); err != nil {
		return fmt.Errorf("%w: %w", engine.ErrCannotInspect, err)
	}
	box, err := s.e.helper.Create(ctx, "empty", spec)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, box.Remove(ctx)) }()
	code, output, err := box.RunToEnd(ctx)
	if err == nil && code != 0 {
		err = fmt.Errorf("emptying %s: %s", strings.Join(paths, ", "), strings.TrimSpace(output))
	}
	return err
}

// withGroups returns a list of groups with those of more that it lacks.
func withGroups(list, more []string) []string {
	list = slices.Clone(list)
	for _, g := range more {
		if !slices.Contains(list, g) {
			list = append(list, g)
		}
	}
	return list
}

// mountPaths returns the paths of mounts.
func mountPaths(mounts []profile.Mount) []string {
	out := make([]string, 0, len(mounts))
	for _, m := range mounts {
		out = append(out, m.Path)
	}
	return out
}
