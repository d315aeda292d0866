package main

import (
	"context"
	"fmt"
	"runtime"

	"github.com/podseal/podseal/internal/advise/sealing"
	"github.com/podseal/podseal/internal/apiuse"
	"github.com/podseal/podseal/internal/batch"
	"github.com/podseal/podseal/internal/deliver"
	"github.com/podseal/podseal/internal/input"
	"github.com/podseal/podseal/internal/podrun"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trace"
)

// withEngine connects to the engine, calls do, and removes what was made, whatever happened.
func withEngine(ctx context.Context, noTrace bool, progress *report.Progress, do func(*podrun.Engine) error) error {
	engine, err := podrun.Connect(ctx, podrun.Options{Progress: progress.Step, Helper: trace.Binary, NoTrace: noTrace})
	if err != nil {
		return err
	}
	engine.Warm(ctx)
	err = do(engine)
	if left := engine.Sweep(context.WithoutCancel(ctx)); left != nil {
		err = withLeft(err, left)
	}
	_ = engine.Close() // nothing is lost with a connection
	return err
}

// sealedInput is an input with the results for its containers, in the order of its containers.
type sealedInput struct {
	input   deliver.Input
	results []seal.Result
}

// add takes the result for one container.
func (in *sealedInput) add(c deliver.Container, res seal.Result) {
	c.Outcome = outcomeOf(res)
	in.input.Containers = append(in.input.Containers, c)
	in.results = append(in.results, res)
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
		if o.APIUse = apiuse.InRun(round.Name, round.Observation); o.APIUse != "" {
			break
		}
	}
	return o
}

// seal seals the image, or the chosen containers of all pods.
func (o *runOptions) seal(ctx context.Context, engine *podrun.Engine, j job, progress *report.Progress) ([]sealedInput, error) {
	if len(j.inputs) == 0 {
		var only sealedInput
		res, err := o.sealTarget(ctx, engine, j.target, progress)
		only.add(deliver.Container{}, res)
		return []sealedInput{only}, err
	}
	var out []sealedInput
	for _, in := range j.inputs {
		sealed := sealedInput{input: deliver.Input{File: in.Manifest, Path: in.Path}}
		for _, p := range in.Pods {
			results, err := o.sealPod(ctx, engine, p, progress)
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

// sealPod seals the chosen containers of a pod in the order of their starts.
func (o *runOptions) sealPod(ctx context.Context, engine *podrun.Engine, p input.Pod, progress *report.Progress) ([]seal.Result, error) {
	return batch.Pod(p.Chosen, func(name string, sealed map[string]profile.Profile) (seal.Result, batch.Judgement, error) {
		if len(p.Chosen) > 1 {
			progress.Step(fmt.Sprintf("sealing container %s of %s", name, p.Pod.Manifest))
		}
		res, err := o.sealTarget(ctx, engine, p.Pod.Target(name, sealed), progress)
		return res, batch.Judgement{
			Sealed:  o.policy().ExitCode(res) == exitSealed,
			Profile: res.Profile, NotTestable: res.Verdict == seal.NotTestable,
		}, err
	})
}

func (o *runOptions) sealTarget(ctx context.Context, engine *podrun.Engine, t target.Target, progress *report.Progress) (seal.Result, error) {
	s := seal.Options{
		RunID: engine.RunID(), Minimize: seal.Minimize(o.minimize), PlanOnly: o.planOnly, Patience: o.patience,
		Parallel: runtime.NumCPU(), Progress: progress.Step, Advise: sealing.Advice,
	}
	if err := o.cluster.apply(&s); err != nil {
		return seal.Result{}, err
	}
	res, err := seal.Run(ctx, engine, t, s)
	return sealing.After(res), err
}
