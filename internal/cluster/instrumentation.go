package cluster

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/cluster/podtrace"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/podspec"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trace"
)

// instrumentation is what a pod has beyond its target and its profile. The zero value is nothing, as in every run that confirms a
// profile.
type instrumentation struct {
	program []byte // podseal's own, to inspect the container
	traced  bool   // the sensor precedes the target's program, and an observer joins it
	why     string // why it is not traced; "" where it is
}

// untracedNote is the note of runs that no observer has joined.
const untracedNote = "a cluster restarts an untraced container gently, by its stop signal, and SIGKILL 2 seconds later"

// tracing is what a run knows about the tracer in its cluster.
type tracing struct {
	mu     sync.Mutex
	asked  bool
	reason string // why nothing is traced any more
}

// end makes all later pods of the run untraced, for a reason.
func (x *tracing) end(reason string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.asked, x.reason = true, reason
}

// instrumentation decides what the pod of a target gets. An error is one of the connection.
func (e *Engine) instrumentation(ctx context.Context, t target.Target, facts image.Facts, p profile.Profile, pod *corev1.Pod) (instrumentation, error) {
	if t.Untraced || e.opts.Program == nil {
		return instrumentation{why: "tracing is off"}, nil
	}
	program, why := e.program(facts.Config.Architecture)
	if why != "" {
		return instrumentation{why: why}, nil
	}
	if occupied(pod) {
		return instrumentation{why: "tracing is off: the pod has a volume at " + trace.Mountpoint + ", where the tracer's belongs"}, nil
	}
	a := instrumentation{program: program, why: e.untraceable(p, pod)}
	if a.why == "" {
		var err error
		if a.why, err = e.refusal(ctx); err != nil {
			return instrumentation{}, err
		}
	}
	a.traced = a.why == ""
	return a, nil
}

// program returns podseal's program for an architecture, or why pods cannot have it.
func (e *Engine) program(arch string) (program []byte, why string) {
	program, err := e.opts.Program(arch)
	if err == nil {
		_, err = podtrace.Split(arch, program)
	}
	if err != nil {
		return nil, "tracing is off: " + err.Error()
	}
	return program, ""
}

// occupied reports whether a container has a volume at or below the place of the tracer's.
func occupied(pod *corev1.Pod) bool {
	return slices.ContainsFunc(slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers), func(c corev1.Container) bool {
		return slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return profile.Within(path.Clean(m.MountPath), trace.Mountpoint) })
	})
}

// untraceable returns why a pod is not traced, whatever the cluster permits; "" for no reason.
func (e *Engine) untraceable(p profile.Profile, pod *corev1.Pod) string {
	starts := func(c corev1.Container) bool { return c.Lifecycle != nil && c.Lifecycle.PostStart != nil }
	switch {
	case e.opts.NoTrace:
		return "tracing was switched off"
	case !p.Open && p.AllowPrivilegeEscalation:
		return "tracing is off: the tracer sets no_new_privs, and this run is about what happens without"
	case slices.ContainsFunc(slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers), starts):
		return "tracing is off: a kubelet starts no observer before the postStart hook of the pod has ended"
	case e.opts.Namespace == "" && e.opts.OpenLevel == kube.Baseline && podspec.CheckBaseline(pod) != nil:
		return "tracing is off: the level baseline forbids the pod" // and the namespace will refuse it
	}
	return ""
}

// refusal asks the cluster, once, whether it permits an observer, and returns why not; "" where it does.
func (e *Engine) refusal(ctx context.Context) (string, error) {
	e.tracing.mu.Lock()
	defer e.tracing.mu.Unlock()
	if e.tracing.asked {
		return e.tracing.reason, nil
	}
	in, err := e.namespaceAt(ctx, e.tracedLevel())
	if err == nil {
		err = e.client.Require(ctx, in.EphemeralAccess())
	}
	if err == nil {
		_, err = in.CreatePod(ctx, podtrace.Rehearsal(), true)
	}
	refused := new(kube.Refusal)
	switch {
	case errors.As(err, &refused):
		e.tracing.reason = "tracing is off: " + advice(refused)
	case err != nil:
		return "", err
	}
	e.tracing.asked = true
	return e.tracing.reason, nil
}

// advice returns a refusal of an observer with what to do.
func advice(r *kube.Refusal) string {
	if r.Kind == kube.PodSecurity {
		return fmt.Sprintf("%v: the observer needs SYS_PTRACE and root: use a namespace of level privileged, or leave --run-namespace out", r)
	}
	return r.Error()
}

// tracedLevel returns the level of the namespace of traced pods: an observer needs more than baseline permits.
func (e *Engine) tracedLevel() kube.Level {
	if e.opts.Namespace != "" {
		return ""
	}
	return kube.Privileged
}

// inject adds to a pod what was decided, in its namespace.
func (a instrumentation) inject(ctx context.Context, in *namespace, made builtPod, facts image.Facts) (*tracer, error) {
	if a.program == nil {
		return &tracer{why: a.why}, nil
	}
	placed, err := in.program(ctx, facts.Config.Architecture, a.program)
	if err != nil {
		return nil, err
	}
	spec := &made.pod.Spec
	placed.Mount(spec, made.main)
	x := &tracer{hasProgram: true, why: a.why}
	if a.traced {
		x.options.Socket = "@podseal-" + in.RunID + "-" + made.pod.Name
		podtrace.Sense(spec, made.main, facts.Config.Config, trace.SensorOptions{Socket: x.options.Socket, Wait: sensorWait})
	}
	return x, nil
}

// portStart returns the lowest port that every user of a pod may open.
func portStart(p profile.Profile) int {
	if p.Open || p.LowPorts {
		return 0
	}
	return 1024
}
