// Package verify runs a sealed workload in a real cluster and compares what happens with the confirmation run under Docker, which
// it has passed: admission first, by dry runs, then the pod in a temporary namespace, its e2e commands, a restart of its
// container, and the commands again.
package verify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/cluster/workload"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trial"
)

// Request is one workload to verify.
type Request struct {
	Workload *workload.Workload
	// Container is the container of the workload that commands are meant for.
	Container string
	// Target has the commands, the ports and the conditions of readiness; its probes are the kubelet's business.
	Target target.Target
	// Level is the level of Pod Security of the temporary namespace.
	Level kube.Level
	// Ready bounds the time from a start until the pod is ready.
	Ready time.Duration
	// Progress receives a line at each step; nil means silence.
	Progress func(line string)
}

// sweepTime bounds the removal of the namespace.
const sweepTime = 30 * time.Second

// Run verifies a workload. Everything that it makes is in one namespace, which is removed before it returns, also when ctx has
// ended. An error is one of the cluster, of a missing right, or of ctx: the workload's own failures are in the result.
func Run(ctx context.Context, c *kube.Client, r Request) (res Result, err error) {
	if r.Progress == nil {
		r.Progress = func(string) {}
	}
	if limit := r.Target.Timeout; limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, &trial.TimeoutError{Limit: limit})
		defer cancel()
	}
	res = Result{
		Version: resultVersion, Cluster: c.String(), Workload: r.Workload.Name, Container: r.Container, Verdict: Undecided,
		Notes: r.Workload.Notes,
	}
	r.Progress("creating a namespace in " + c.String())
	n, err := c.CreateNamespace(ctx, kube.NewRunID(), "verify", r.Level, r.Workload.PullSecrets)
	if n != nil {
		res.Namespace = n.Name
		defer func() { err = errors.Join(err, remove(ctx, n)) }()
	}
	if err != nil {
		return res, err
	}
	s := &session{Request: r, client: c, namespace: n, result: &res}
	if err := s.run(ctx); err != nil {
		return res, err
	}
	return res, nil
}

// remove removes the namespace of a run.
func remove(ctx context.Context, n *kube.Namespace) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sweepTime)
	defer cancel()
	if err := n.Delete(ctx); err != nil {
		return &LeftError{Namespace: n.Name, Err: err}
	}
	return nil
}

// LeftError is a namespace that could not be removed.
type LeftError struct {
	Namespace string
	Err       error
}

// Error returns the namespace and what to do.
func (e *LeftError) Error() string {
	return fmt.Sprintf("removing namespace %s: %v; `podseal gc --context` removes it", e.Namespace, e.Err)
}

// Unwrap returns the error of the request.
func (e *LeftError) Unwrap() error { return e.Err }

// session is one verification in progress.
type session struct {
	Request
	client    *kube.Client
	namespace *kube.Namespace
	result    *Result
}

func (s *session) run(ctx context.Context) error {
	stop := keep(ctx, s.namespace)
	defer stop()
	s.Progress("asking the cluster whether it admits " + s.Workload.Name)
	if err := s.admit(ctx); err != nil || s.result.Verdict == Refused {
		return err
	}
	watch := s.namespace.Watch(ctx)
	defer watch.Close()
	s.Progress("running " + s.Workload.Name + " in namespace " + s.namespace.Name)
	started := &engineOfPod{session: s, watch: watch}
	out, err := trial.Run(ctx, started, s.request())
	if out.Container != nil {
		defer func() { _ = out.Container.Remove(ctx) }() // the namespace is removed as well
	}
	if err != nil {
		return s.stuck(ctx, err)
	}
	s.judge(ctx, out, started)
	return nil
}

// request returns the run to make: the protocol of a confirmation run.
func (s *session) request() trial.Request {
	t := s.Target
	t.Ready.Probes = nil // the kubelet asks them
	t.Timeout = 0        // bounds the whole verification
	p := trial.Protocol{Restart: trial.RestartFull, Ready: s.Ready, Command: s.Target.Timeout}
	if s.Workload.Completes || t.Completes {
		p.Restart = trial.NoRestart
	}
	return trial.Request{Target: t, Protocol: p, Started: func() { s.Progress("waiting until it is ready, then running the e2e commands") }}
}

// stuck turns the error of a pod that cannot start as it is into the answer; other errors are returned.
func (s *session) stuck(ctx context.Context, err error) error {
	stuck := new(kube.Stuck)
	if !errors.As(err, &stuck) || ctx.Err() != nil {
		return err
	}
	return &StartError{Workload: s.Workload.Name, Err: stuck}
}

// StartError is a workload whose image the cluster does not have: nothing about the seal was learnt.
type StartError struct {
	Workload string
	Err      error
}

// Error returns the reason.
func (e *StartError) Error() string { return e.Workload + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *StartError) Unwrap() error { return e.Err }

// judge sets the verdict and what differs.
func (s *session) judge(ctx context.Context, out trial.Result, started *engineOfPod) {
	o := out.Observation
	s.result.Commands, s.result.ReadySecond = o.Commands, o.ReadyIn.Seconds()
	switch out.Outcome {
	case trial.Passed:
		s.result.Verdict = Agreed
		s.result.Restarted = s.request().Protocol.Restart == trial.RestartFull
		return
	case trial.Inconclusive:
		s.result.Verdict = Undecided
		s.result.Notes = append(s.result.Notes, "the run was disturbed: "+string(out.Cause))
		if out.Cause == trial.OutOfMemory {
			s.result.Verdict = Differs
		}
	case trial.Failed:
		s.result.Verdict = Differs
	}
	failure := o.Failure
	if failure.Kind == observe.NotReady && started.gated() {
		failure.Text = started.notReady(s.Ready)
	}
	s.result.Failure = failure.Text
	events := s.namespace.Events(ctx, s.Workload.Pod.Name)
	s.result.Differences = differences(failure, o, events)
}

// keep extends the claim on the namespace until stop is called.
func keep(ctx context.Context, n *kube.Namespace) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(kube.LeaseTime / 3):
				_ = n.Renew(ctx) // the next one is in time
			}
		}
	}()
	return cancel
}
