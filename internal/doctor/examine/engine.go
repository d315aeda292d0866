// Package examine collects the facts for podseal doctor: it asks an engine what it is, and runs one sealed container there.
package examine

import (
	"context"
	"time"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/doctor"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/inside"
	"github.com/podseal/podseal/internal/podrun"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/tracehost"
)

// nobody is the user of the sealed container: one that no image declares.
const nobody = 65532

// Program returns podseal's own static Linux program for an architecture in Go's spelling.
type Program func(arch string) ([]byte, error)

// Engine examines a Docker engine. Its container is removed before it returns. An error is one of the connection: everything else
// is a fact.
func Engine(ctx context.Context, client *docker.Client, program Program) (doctor.Engine, error) {
	d, err := client.Describe(ctx)
	if err != nil {
		return doctor.Engine{}, err
	}
	free, emulated, known := machine(d)
	e := doctor.Engine{
		Address: d.Address, Version: d.Version, API: d.API, System: d.System, Kernel: d.Kernel, Architecture: d.Architecture,
		Cgroup: d.Cgroup, CgroupDriver: d.CgroupDriver, Storage: d.Storage, Containerd: d.Containerd, Seccomp: d.Seccomp,
		AppArmor: d.AppArmor, SELinux: d.SELinux, Remap: d.Remap, Rootless: d.Rootless, MemoryLimit: d.MemoryLimit,
		Free: free, Emulated: emulated, Emulation: known,
	}
	facts, err := tracehost.NewHelper(client, program).Facts(ctx)
	if err != nil {
		e.Helper, e.Traced, e.Sealed = err.Error(), "there is no helper program", "there is no helper program"
		return e, ctx.Err()
	}
	return e, try(ctx, podrun.New(client, podrun.Options{Helper: program}), facts, &e)
}

// try runs podseal's own program in a sealed container under the tracer.
func try(ctx context.Context, runs *podrun.Engine, facts image.Facts, e *doctor.Engine) error {
	defer func() { _ = runs.Sweep(context.WithoutCancel(ctx)) }() // an engine that does not remove is reported by gc
	t := target.Target{
		Image: facts.Ref, Entrypoint: []string{tracehost.HelperProgram, inside.PauseCommand}, Timeout: time.Minute, Grace: time.Second,
	}
	p := profile.Profile{User: profile.User{UID: nobody, GID: nobody}}.WithMount(profile.Mount{Path: "/data", Kind: profile.Plain})
	c, err := runs.Start(ctx, t, facts, p)
	if err != nil {
		e.Sealed, e.Traced = err.Error(), "no sealed container could run"
		return ctx.Err()
	}
	defer func() { _ = c.Remove(ctx) }() // swept as well
	st, err := c.State(ctx)
	switch {
	case err != nil:
		return err
	case !st.Running:
		e.Sealed = "the container ended at once: " + st.Exit.Error
	}
	_, traced := c.Writes()
	if !traced.On {
		e.Traced = traced.Note
	}
	_, err = c.Usage(ctx)
	e.Observed = err == nil
	return ctx.Err()
}
