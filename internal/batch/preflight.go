package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/needs"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/target"
)

// Engine is an engine with the check of a network.
type Engine interface {
	engine.Engine
	// CheckNetwork refuses a network that a container cannot join. An empty name is fine.
	CheckNetwork(ctx context.Context, name string) error
}

// InputError is a fault of the input that only the engine or an image shows. Its text is one sentence.
type InputError struct{ Text string }

func (e *InputError) Error() string { return e.Text }

// CheckTargets refuses commands in a container that has ended when they are due.
func (j Job) CheckTargets() error {
	for _, t := range j.Targets() {
		inside := slices.ContainsFunc(t.Commands, func(c target.Command) bool { return c.Inside })
		if inside && t.Completes && t.Pod != nil && t.Pod.Default == "" {
			return &InputError{fmt.Sprintf("--exec runs in container %s of %s, which runs to its end: it has ended when the command is due; use a COMMAND on the host",
				t.Name, t.Pod.Original)}
		}
	}
	return nil
}

// Preflight refuses what the engine and the images decide before any run: a network, an image, a VOLUME or a user that
// cannot be used. It pulls the images of all containers. The error is an InputError, or one of the engine.
func (j Job) Preflight(ctx context.Context, e Engine) error {
	if err := e.CheckNetwork(ctx, j.Target.Network); err != nil {
		return err
	}
	targets := j.Targets()
	for _, t := range targets {
		facts, err := e.Image(ctx, t.Image, t.Platform)
		if err != nil {
			return err
		}
		if err := plan.CheckVolumes(facts); err != nil {
			return &InputError{fmt.Sprintf("image %s: %v", t.Image, err)}
		}
		if err := checkCommand(facts, t); err != nil {
			return err
		}
		if t.Ready.HTTP != "" && len(t.Ports) == 0 && len(facts.Exposed("tcp")) == 0 {
			return &InputError{fmt.Sprintf("image %s: --ready-http %s has no port to ask: the image exposes none; give one with --port", t.Image, t.Ready.HTTP)}
		}
		if err := checkUser(ctx, e, facts, t); err != nil {
			return err
		}
		if len(t.Needs) > 0 && !e.Capabilities().Services {
			return &InputError{fmt.Sprintf("image %s: it has needs, which the chosen engine cannot run: use --engine docker", t.Image)}
		}
		if err := needs.Check(t); err != nil {
			return &InputError{err.Error()}
		}
	}
	return pullMembers(ctx, e, targets)
}

// SeedOffers returns a seed image as an offer for each platform of the items. It refuses an image that the engine cannot get, or
// that has no shell. An empty name offers nothing. imageVolumes is true if the cluster can mount images as volumes.
func SeedOffers(ctx context.Context, e Engine, name string, imageVolumes bool, items []Item) (map[string]plan.SeedOffer, error) {
	if name == "" {
		return nil, nil
	}
	offers := map[string]plan.SeedOffer{}
	for _, item := range items {
		for _, t := range item.Targets() {
			if _, known := offers[t.Platform]; known {
				continue
			}
			offer, err := seal.InspectSeedImage(ctx, e, name, t.Platform)
			if err != nil {
				return nil, fmt.Errorf("--seed-image: %w", err)
			}
			if slices.Contains(offer.Lacks, "sh") {
				return nil, &InputError{fmt.Sprintf("--seed-image: image %s has no %s: name one that has them, for example busybox", name, strings.Join(offer.Lacks, ", "))}
			}
			offer.ImageVolumes = imageVolumes
			offers[t.Platform] = offer
		}
	}
	return offers, nil
}

// pullMembers pulls the images of the other containers that run with the targets: those of their pods, and services.
func pullMembers(ctx context.Context, e Engine, targets []target.Target) error {
	have := map[[2]string]bool{}
	for _, t := range targets {
		have[[2]string{t.Image, t.Platform}] = true
	}
	for _, t := range targets {
		for _, m := range members(t) {
			key := [2]string{m.Image, m.Platform}
			if have[key] {
				continue
			}
			have[key] = true
			if _, err := e.Image(ctx, m.Image, m.Platform); err != nil {
				return err
			}
		}
	}
	return nil
}

// members returns the other containers that run with a target.
func members(t target.Target) []target.Target {
	services, _ := needs.Targets(t) // checked before
	var out []target.Target
	for _, one := range append([]target.Target{t}, services...) {
		if one.Pod == nil {
			continue
		}
		for _, m := range slices.Concat(one.Pod.Before, one.Pod.After) {
			out = append(out, m.Target)
		}
	}
	return append(out, services...)
}

// checkCommand refuses a target that has nothing to run.
func checkCommand(facts image.Facts, t target.Target) error {
	if facts.Config == nil || len(t.Argv(facts.Config.Config.Entrypoint, facts.Config.Config.Cmd)) > 0 {
		return nil
	}
	return &InputError{fmt.Sprintf("image %s: nothing to run: it has neither ENTRYPOINT nor CMD: set a command in the manifest, or with --entrypoint and --arg", t.Image)}
}

// checkUser refuses the name of a user or group that the image does not have. Ids need no account.
func checkUser(ctx context.Context, e Engine, facts image.Facts, t target.Target) (err error) {
	if strings.Trim(t.User, "0123456789:") == "" {
		return nil
	}
	tree, err := e.Tree(ctx, facts)
	if err != nil {
		return fmt.Errorf("reading the accounts of image %s: %w", t.Image, err)
	}
	defer func() { err = errors.Join(err, tree.Close(ctx)) }()
	users, err := image.ReadUsers(ctx, tree)
	if err != nil {
		return fmt.Errorf("reading the accounts of image %s: %w", t.Image, err)
	}
	if _, err := users.Resolve(t.User); err != nil {
		return &InputError{fmt.Sprintf("image %s: --user %s: %v", t.Image, t.User, errors.Unwrap(err))}
	}
	return nil
}
