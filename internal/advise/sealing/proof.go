package sealing

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/advise"
	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/redact"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/target"
)

// Proof is the outcome of building a changed Dockerfile and sealing the image.
type Proof struct {
	advise.Proof
	Result *seal.Result // of a proof that failed; nil if nothing was sealed
}

// Builder builds images into the engine that runs them.
type Builder interface {
	RunID() string
	Build(ctx context.Context, b docker.Build) (ref string, err error)
}

// Prove builds an image and seals it as podseal run does. An error is one of the engine or of the input; a build or a seal
// that fails is in the proof.
func Prove(ctx context.Context, e engine.Engine, builder Builder, b docker.Build, t target.Target, progress func(string)) (Proof, error) {
	ref, err := builder.Build(ctx, b)
	if failed := new(docker.BuildError); errors.As(err, &failed) {
		return Proof{Proof: advise.Proof{Why: failed.Error(), Build: failed.Lines}}, nil
	}
	if err != nil {
		return Proof{}, err
	}
	t.Image = ref
	o := seal.Options{RunID: builder.RunID(), Minimize: seal.MinimizeFast, Parallel: runtime.NumCPU(), Progress: progress}
	alone, res, err := sealBuilt(ctx, e, t, o)
	if err != nil {
		return Proof{}, err
	}
	p := Proof{Proof: proofOf(t, alone, res)}
	p.Image = b.Keep
	if !p.Proved {
		p.Result = &res
	}
	return p, nil
}

// sealBuilt seals the image as podseal run does (alone). Where the changed image does not even pass the open run as its own
// user, which may be for want of folders that it can write to, podseal learns as root what it needs and seals it as that
// user (res).
func sealBuilt(ctx context.Context, e engine.Engine, t target.Target, o seal.Options) (alone, res seal.Result, err error) {
	if alone, err = seal.Run(ctx, e, t, o); err != nil || alone.Verdict != seal.NotTestable {
		return alone, alone, err
	}
	o.Progress("the changed image does not pass as it is: learning as root what it needs in a pod")
	u, err := declaredUser(ctx, e, alone.Image)
	if err != nil {
		return alone, alone, err
	}
	t.User, o.User = "0", &u
	res, err = seal.Run(ctx, e, t, o)
	return alone, res, err
}

// declaredUser returns the user of an image by number.
func declaredUser(ctx context.Context, e engine.Engine, facts image.Facts) (plan.UserChoice, error) {
	tree, err := e.Tree(ctx, facts)
	if err != nil {
		return plan.UserChoice{}, err
	}
	defer func() { _ = tree.Close(context.WithoutCancel(ctx)) }() // a leftover is swept by its label
	users, err := image.ReadUsers(ctx, tree)
	if err != nil {
		return plan.UserChoice{}, err
	}
	r, err := users.Resolve(facts.Config.Config.User)
	if err != nil {
		return plan.UserChoice{}, err
	}
	return plan.UserChoice{
		User: profile.User{UID: r.UID, GID: r.GID, Groups: r.Groups}, Name: r.Name, Why: "USER of the changed Dockerfile",
	}, nil
}

// proofOf judges the seals: of the changed image as it is, and, where that was not testable, of the one that was learnt as
// root. Exceptions that have nothing to do with the user do not count.
func proofOf(t target.Target, alone, res seal.Result) advise.Proof {
	u := res.Profile.User
	p := advise.Proof{Verdict: string(res.Verdict)}
	if res.Verdict == seal.NotTestable {
		p.Why = "the image fails " + commandsOf(t) + " even as root, so that nothing is known of the change: " + failureOf(res)
		return p
	}
	p.User = fmt.Sprintf("%d:%d", u.UID, u.GID)
	for _, m := range res.Profile.Mounts {
		p.Mounts = append(p.Mounts, m.Path)
	}
	root := u.UID == 0 || slices.ContainsFunc(res.Exceptions, func(e seal.Exception) bool { return e.Setting == "runAsNonRoot" })
	if root || res.Verdict != seal.Sealed && res.Verdict != seal.SealedWithExceptions {
		p.Why = "the changed image is " + string(res.Verdict) + ": " + strings.Join(strings.Fields(res.Why), " ")
		return p
	}
	p.Proved, p.Why = true, fmt.Sprintf("the changed image passes %s, sealed, as user %s", commandsOf(t), p.User)
	if res.Verdict == seal.SealedWithExceptions {
		p.Why += "; the seal has exceptions, which podseal run shows"
	}
	if alone.Verdict == seal.NotTestable {
		p.Why += fmt.Sprintf(", in a pod that gives it writable folders. By itself it does not: %s; "+
			"--writes %s makes the folders writable for it in the image", failureOf(alone), strings.Join(p.Mounts, ","))
	}
	return p
}

// failureOf returns why the open run failed.
func failureOf(res seal.Result) string {
	if len(res.Rounds) == 0 {
		return res.Why
	}
	return res.Rounds[0].Observation.Failure.Text
}

func commandsOf(t target.Target) string {
	if len(t.Commands) == 0 {
		return "its start (no e2e command was given)"
	}
	var out []string
	for _, c := range t.Commands {
		out = append(out, "`"+redact.Command(c.String())+"`")
	}
	return strings.Join(out, " and ")
}
