package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/emit"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/report"
)

// beside makes what was asked for beside the result. What cannot be made is said when the result is written: a run that
// took minutes is not lost for it.
func (o *deliverOptions) beside(d *delivery, inputs []sealedInput) []report.Companion {
	var out []report.Companion
	for _, b := range []struct {
		kind, file string
		make       func([]sealedInput) ([]byte, string, error)
	}{{"NetworkPolicy", o.networkPolicy, o.policies}, {"Namespace", o.podSecurity, o.labels}} {
		if b.file == "" {
			continue
		}
		data, why, err := b.make(inputs)
		if err == nil && !allProved(inputs) {
			err = errors.New("it is only written for what was proved")
		}
		if err != nil {
			d.failed = errors.Join(d.failed, fmt.Errorf("%s was not written: %w", b.file, err))
			continue
		}
		d.beside = append(d.beside, besideFile{b.file, data})
		out = append(out, report.Companion{Kind: b.kind, File: b.file, Why: why})
	}
	return out
}

// policies are the NetworkPolicies of all sealed pods.
func (o *deliverOptions) policies(inputs []sealedInput) ([]byte, string, error) {
	var docs [][]byte
	var whys []string
	for _, pod := range podsOf(inputs) {
		r, err := pod.reachable()
		if err != nil {
			return nil, "", err
		}
		data, err := emit.NetworkPolicy(r)
		if err != nil {
			return nil, "", err
		}
		docs, whys = append(docs, data), append(whys, r.Name+": "+r.Why())
	}
	return emit.Join(docs), strings.Join(whys, "; "), nil
}

// sealedPod is a pod with those of its containers that were sealed.
type sealedPod struct {
	pod    *manifest.Pod // nil for an image that was given alone
	sealed []sealedContainer
}

// podsOf puts the containers of one pod together.
func podsOf(inputs []sealedInput) []sealedPod {
	var out []sealedPod
	for _, in := range inputs {
		for _, c := range in.sealed {
			at := slices.IndexFunc(out, func(p sealedPod) bool { return c.pod != nil && p.pod == c.pod })
			if at < 0 {
				out, at = append(out, sealedPod{pod: c.pod}), len(out)
			}
			out[at].sealed = append(out[at].sealed, c)
		}
	}
	return out
}

// reachable is what was seen of a pod's ports: in the runs that proved its containers' seals.
func (p sealedPod) reachable() (emit.Reachable, error) {
	r := emit.Reachable{Name: p.sealed[0].name, Labels: imageLabels(p.sealed[0])}
	if r.Name == "" {
		r.Name = emit.Name(p.sealed[0].res.Target.Image)
	}
	if p.pod != nil {
		if p.pod.Knative() {
			return r, fmt.Errorf("%s is Knative's: its proxy stands before the container, and its ports are not the container's", p.pod)
		}
		r = emit.ReachableOf(p.pod)
		for _, c := range p.pod.Containers {
			if !c.Init && !slices.ContainsFunc(p.sealed, func(s sealedContainer) bool { return s.name == c.Name }) {
				r.Notes = append(r.Notes, "container "+c.Name+" was not sealed: ports that only it listens on may be missing")
			}
		}
	}
	for _, c := range p.sealed {
		round, ok := c.res.Traced()
		if !ok {
			continue // refused by the caller
		}
		o := round.Observation
		if len(o.Listening) == 0 && !o.Trace.On {
			return r, fmt.Errorf("the run that proved the seal of %s was not traced, so that nothing shows which ports it listens on: run without --trace off", r.Name)
		}
		r.Listening = append(r.Listening, o.Listening...)
	}
	slices.Sort(r.Listening)
	r.Listening = slices.Compact(r.Listening)
	return r, nil
}

// imageLabels are the labels of a Pod that is written for an image, so that a policy can select it.
func imageLabels(c sealedContainer) map[string]string {
	return map[string]string{"app.kubernetes.io/name": emit.Name(c.res.Target.Image)}
}

// labels are those of Pod Security, if it admits every pod of the input as it is after the seal.
func (o *deliverOptions) labels(inputs []sealedInput) ([]byte, string, error) {
	var pods []corev1.Pod
	var names []string
	for i, edits := range o.edits(inputs) {
		in := inputs[i]
		if in.file == nil {
			continue // what is written for an image was checked when it was made
		}
		out, _, err := emit.Splice(in.file, edits)
		if err != nil {
			return nil, "", err
		}
		after, err := manifest.Parse(in.file.Name, out, in.file.PodPath)
		if err != nil {
			return nil, "", err
		}
		more, called := emit.SealedPods(after)
		pods, names = append(pods, more...), append(names, called...)
	}
	for _, p := range podsOf(inputs) {
		if p.pod != nil {
			continue
		}
		if exceptions := p.sealed[0].res.Profile.Exceptions(); len(exceptions) > 0 {
			return nil, "", fmt.Errorf("the level restricted forbids the exceptions of the seal: %s", strings.Join(exceptions, ", "))
		}
	}
	data, err := emit.PodSecurity(pods, names)
	return data, "the level restricted admits every pod of the input as it is sealed", err
}
