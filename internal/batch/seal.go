package batch

import (
	"context"
	"fmt"
	"maps"

	"github.com/podseal/podseal/internal/apiuse"
	"github.com/podseal/podseal/internal/deliver"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/input"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/target"
)

// Sealed is an input with the results for its containers, in the order of its containers.
type Sealed struct {
	Input   deliver.Input
	Results []seal.Result
}

// Options say how the targets are sealed.
type Options struct {
	Seal seal.Options
	// Policy decides whether a container can run under its profile while others are sealed.
	Policy report.Policy
	// Complete adds to each result what is known only after its runs. May be nil.
	Complete func(seal.Result) seal.Result
	// Floor returns what earlier runs proved that a target needs, and its user; a nil Floor for none. May be nil.
	Floor func(t target.Target, facts image.Facts) (*seal.Floor, *plan.UserChoice, error)
}

// Seal seals the image, or the chosen containers of all pods.
func (j Job) Seal(ctx context.Context, e engine.Engine, o Options) ([]Sealed, error) {
	if len(j.Files) == 0 {
		var only Sealed
		res, err := run(ctx, e, j.Target, o)
		only.add(deliver.Container{}, res)
		return []Sealed{only}, err
	}
	var out []Sealed
	for _, in := range j.Files {
		sealed := Sealed{Input: deliver.Input{File: in.Manifest, Path: in.Path}}
		for _, p := range in.Pods {
			results, err := sealPod(ctx, e, p, j.others[podKey(in, p.Pod.Manifest)], o)
			if err != nil {
				return nil, err
			}
			for i, res := range results {
				sealed.add(deliver.Container{Pod: p.Pod.Manifest, Name: p.Chosen[i]}, res)
			}
		}
		out = append(out, sealed)
	}
	return out, nil
}

// sealPod seals the chosen containers of a pod in the order of their starts, while others run under their profiles.
func sealPod(ctx context.Context, e engine.Engine, p input.Pod, others map[string]profile.Profile, o Options) ([]seal.Result, error) {
	return Pod(p.Chosen, func(name string, sealed map[string]profile.Profile) (seal.Result, Judgement, error) {
		if len(p.Chosen) > 1 && o.Seal.Progress != nil {
			o.Seal.Progress(fmt.Sprintf("sealing container %s of %s", name, p.Pod.Manifest))
		}
		all := maps.Clone(sealed)
		maps.Copy(all, others)
		res, err := run(ctx, e, p.Pod.Target(name, all), o)
		return res, Judgement{
			Sealed:  o.Policy.ExitCode(res) == exitcode.Sealed,
			Profile: res.Profile, NotTestable: res.Verdict == seal.NotTestable,
		}, err
	})
}

// run seals one target.
func run(ctx context.Context, e engine.Engine, t target.Target, o Options) (seal.Result, error) {
	if o.Floor != nil {
		facts, err := e.Image(ctx, t.Image, t.Platform)
		if err != nil {
			return seal.Result{}, err
		}
		if o.Seal.Floor, o.Seal.User, err = o.Floor(t, facts); err != nil {
			return seal.Result{}, &InputError{err.Error()}
		}
	}
	res, err := seal.Run(ctx, e, t, o.Seal)
	if o.Complete != nil {
		res = o.Complete(res)
	}
	return res, err
}

// add takes the result for one container.
func (s *Sealed) add(c deliver.Container, res seal.Result) {
	c.Outcome = outcomeOf(res)
	s.Input.Containers = append(s.Input.Containers, c)
	s.Results = append(s.Results, res)
}

// outcomeOf returns the part of a result that a delivery needs.
func outcomeOf(res seal.Result) deliver.Outcome {
	_, proved := res.Proved()
	shown, _ := res.Traced()
	o := deliver.Outcome{
		Target: res.Target, Image: res.Image, Profile: res.Profile, Proved: proved,
		Listening: shown.Observation.Listening, Traced: shown.Observation.Trace.On,
	}
	for _, round := range res.Rounds {
		o.Connections = observe.MergeConnections(o.Connections, round.Observation.Connections)
		o.ConnectionsTraced = o.ConnectionsTraced || round.Observation.Trace.On
	}
	for _, round := range res.Rounds {
		if o.APIUse = apiuse.InRun(round.Name, round.Observation); o.APIUse != "" {
			break
		}
	}
	return o
}
