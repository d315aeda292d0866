package deliver

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/emit"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/report"
)

// companion is an object that is written into a separate file.
type companion struct {
	kind, file, why string
	data            []byte
	err             error // it cannot be made
}

var errNotProved = errors.New("it is only written for a proved profile")

// companions makes the companion files that the options name.
func (o Options) companions(inputs []Input) []companion {
	var out []companion
	for _, c := range []struct {
		kind, file string
		make       func([]Input) ([]byte, string, error)
	}{{"NetworkPolicy", o.NetworkPolicy, o.networkPolicies}, {"Namespace", o.PodSecurity, o.namespaces}} {
		if c.file == "" || c.kind == "NetworkPolicy" && o.PoliciesLater {
			continue
		}
		data, why, err := c.make(inputs)
		if err == nil && !proved(inputs) {
			err = errNotProved
		}
		out = append(out, companion{kind: c.kind, file: c.file, why: why, data: data, err: err})
	}
	return out
}

func (c companion) reported() report.Companion {
	return report.Companion{Kind: c.kind, File: c.file, Why: c.why}
}

// networkPolicies makes the NetworkPolicies of all sealed pods of a run that has no other inputs.
func (o Options) networkPolicies(inputs []Input) ([]byte, string, error) {
	return o.policiesIn(NewNetwork(inputs), inputs)
}

// policiesIn makes the NetworkPolicies of the sealed pods of inputs, in the network of all inputs of the run.
func (o Options) policiesIn(n Network, inputs []Input) ([]byte, string, error) {
	var docs [][]byte
	var whys []string
	for _, pod := range sealedPods(inputs) {
		r, err := pod.reachable()
		if err != nil {
			return nil, "", err
		}
		end := pod.end()
		if n.knowsPeers() {
			r.Peers, r.Ingress = true, n.ingress(end)
			if left := r.Unreached(); len(left) > 0 {
				r.Ingress = append(r.Ingress, emit.PolicyRule{
					Ports: left, Open: "no target connected to these ports, which are served: add who may connect (from), and uncomment the rule",
				})
			}
		}
		if o.Egress {
			r.Egress = end.egress(n)
		}
		if r.Peers || o.Egress {
			r.Notes = append(r.Notes, n.notes(end)...)
		}
		data, err := emit.NetworkPolicy(r)
		if err != nil {
			return nil, "", err
		}
		docs, whys = append(docs, data), append(whys, r.Name+": "+r.Why())
	}
	return emit.Join(docs), strings.Join(whys, "; "), nil
}

// WritePolicies writes the NetworkPolicies of inputs whose delivery left them out, with PoliciesLater. The network is that of
// all inputs of the run. It returns what was written for the reports; nil where the options name no file.
func (o Options) WritePolicies(n Network, inputs []Input, places *Places) (*report.Companion, error) {
	if o.NetworkPolicy == "" {
		return nil, nil
	}
	data, why, err := o.policiesIn(n, inputs)
	if err == nil && !proved(inputs) {
		err = errNotProved
	}
	if err != nil {
		return nil, fmt.Errorf("%s was not written: %w", o.NetworkPolicy, err)
	}
	c := companion{kind: "NetworkPolicy", file: o.NetworkPolicy, why: why}.reported()
	return &c, places.Write(o.NetworkPolicy, data)
}

// reachable joins the ports that a pod's containers listened on in their proving runs.
func (p sealedPod) reachable() (emit.Reachable, error) {
	first := p.containers[0]
	r := emit.Reachable{Name: first.Name, Labels: imageLabels(first)}
	if r.Name == "" {
		r.Name = imageName(first)
	}
	if p.pod != nil {
		if p.pod.Knative() {
			return r, fmt.Errorf("%s is Knative's: its proxy stands before the container, and its ports are not the container's", p.pod)
		}
		r = emit.ReachableOf(p.pod)
		r.Notes = append(r.Notes, p.unsealedNotes()...)
	}
	for _, c := range p.containers {
		o := c.Outcome
		if !o.Proved {
			continue // refused by the caller
		}
		if len(o.Listening) == 0 && !o.Traced {
			return r, fmt.Errorf("the run that proved the seal of %s was not traced, so that nothing shows which ports it listens on: run without --trace off", r.Name)
		}
		r.Listening = append(r.Listening, o.Listening...)
	}
	slices.Sort(r.Listening)
	r.Listening = slices.Compact(r.Listening)
	return r, nil
}

// unsealedNotes names the containers of the pod whose ports no run showed.
func (p sealedPod) unsealedNotes() []string {
	var out []string
	for _, c := range p.pod.Containers {
		if !c.Init && !slices.ContainsFunc(p.containers, func(s Container) bool { return s.Name == c.Name }) {
			out = append(out, "container "+c.Name+" was not sealed: ports that only it listens on may be missing")
		}
	}
	return out
}

// imageLabels returns the labels of the Pod that is written for an image: a policy selects it by them.
func imageLabels(c Container) map[string]string {
	return map[string]string{nameLabel: imageName(c)}
}

// imageName returns the name of an image that was given alone: that of its target, which others reach it by, or that of the
// image.
func imageName(c Container) string {
	return cmp.Or(c.Outcome.Target.Alias, emit.Name(c.Outcome.Target.Image))
}

// nameLabel is the label for the name of an application.
const nameLabel = "app.kubernetes.io/name"

// namespaces makes the Pod Security labels of the namespaces, if the level restricted admits every pod of the input as
// it is after the seal.
func (o Options) namespaces(inputs []Input) ([]byte, string, error) {
	var pods []corev1.Pod
	var names []string
	for i, edits := range o.edits(inputs) {
		in := inputs[i]
		if in.File == nil {
			continue // the Pod of an image is checked when it is made
		}
		out, _, err := emit.Splice(in.File, edits)
		if err != nil {
			return nil, "", err
		}
		after, err := manifest.ParseWith(in.File.Name, out, in.File.Options)
		if err != nil {
			return nil, "", err
		}
		more, called := emit.SealedPods(after)
		pods, names = append(pods, more...), append(names, called...)
	}
	for _, p := range sealedPods(inputs) {
		if p.pod != nil {
			continue
		}
		if exceptions := p.containers[0].Outcome.Profile.Exceptions(); len(exceptions) > 0 {
			return nil, "", fmt.Errorf("the level restricted forbids the exceptions of the seal: %s", strings.Join(exceptions, ", "))
		}
	}
	data, err := emit.PodSecurity(pods, names)
	return data, "the level restricted admits every pod of the input as it is sealed", err
}
