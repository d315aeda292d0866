package main

import (
	"context"
	"fmt"
	"runtime"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trace"
)

// withEngine connects to the engine, calls do, and removes what was made, whatever happened.
func withEngine(ctx context.Context, o runOptions, progress *report.Progress, do func(*docker.Engine) error) error {
	engine, err := docker.New(ctx, docker.Options{Progress: progress.Step, Helper: trace.Binary, NoTrace: o.tracing == "off"})
	if err != nil {
		return err
	}
	engine.Warm(ctx)
	err = do(engine)
	if serr := engine.Sweep(context.WithoutCancel(ctx)); serr != nil && err == nil {
		err = fmt.Errorf("%w; `podseal gc` removes the rest", serr)
	}
	_ = engine.Close() // nothing is lost with a connection
	return err
}

// sealTarget seals one container.
func sealTarget(ctx context.Context, o runOptions, t target.Target, progress *report.Progress) (res seal.Result, err error) {
	err = withEngine(ctx, o, progress, func(engine *docker.Engine) error {
		res, err = seal.Run(ctx, engine, t, o.sealOptions(engine, progress))
		return err
	})
	return res, err
}

func (o *runOptions) sealOptions(engine *docker.Engine, progress *report.Progress) seal.Options {
	s := seal.Options{
		RunID: engine.RunID(), Minimize: seal.Minimize(o.minimize), PlanOnly: o.planOnly,
		Parallel: runtime.NumCPU(), Progress: progress.Step, Advise: adviceFor,
	}
	_ = o.cluster.apply(&s) // checked before anything was started
	return s
}

// sealInputs seals the chosen containers of all pods.
func (o *runOptions) sealInputs(ctx context.Context, inputs []*input, progress *report.Progress) (out []sealedInput, err error) {
	err = withEngine(ctx, *o, progress, func(engine *docker.Engine) error {
		for _, in := range inputs {
			done := sealedInput{file: in.file, path: in.path}
			for _, p := range in.pods {
				found, err := o.sealPod(ctx, engine, p, progress)
				if err != nil {
					return err
				}
				done.sealed = append(done.sealed, found...)
			}
			out = append(out, done)
		}
		return nil
	})
	return out, err
}

// sealPod seals containers of a pod one after the other, in the order of their starts. In each run the whole pod runs;
// the containers that were sealed before run under their profiles, so that the last one's proof is one of them all. One
// that could not be sealed beside others that still ran as they are, as root maybe, is tried once more when those are
// sealed. Nothing can be learnt from a pod whose e2e commands fail: the first such container is the last result.
func (o *runOptions) sealPod(
	ctx context.Context, engine *docker.Engine, p podInput, progress *report.Progress,
) (out []sealedContainer, err error) {
	profiles := map[string]profile.Profile{}
	try := func(name string) (sealedContainer, error) {
		if len(p.chosen) > 1 {
			progress.Step(fmt.Sprintf("sealing container %s of %s", name, p.pod.Manifest))
		}
		res, err := seal.Run(ctx, engine, p.pod.Target(name, profiles), o.sealOptions(engine, progress))
		if err == nil && o.exitCode(res) == exitSealed {
			profiles[name] = res.Profile
		}
		return sealedContainer{pod: p.pod.Manifest, name: name, res: res}, err
	}
	beside := map[string]int{} // how many others were sealed when it was tried
	for _, name := range p.chosen {
		beside[name] = len(profiles)
		c, err := try(name)
		if err != nil {
			return out, err
		}
		out = append(out, c)
		if c.res.Verdict == seal.NotTestable {
			return out, nil
		}
	}
	for i, c := range out {
		if _, sealed := profiles[c.name]; sealed || beside[c.name] == len(profiles) {
			continue
		}
		if out[i], err = try(c.name); err != nil {
			return out, err
		}
	}
	return out, nil
}
