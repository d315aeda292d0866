// Package emit writes a profile down: as a new Pod manifest, or into a manifest's own bytes, of which no other is touched.
package emit

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// Input is what a new manifest is made of.
type Input struct {
	// Name is that of the container, and of the Pod that is written for an image; empty: from the image's name.
	Name    string
	Target  target.Target
	Facts   image.Facts
	Profile profile.Profile

	// Pod is where the container of this name stands in a manifest; nil for an image that was given alone.
	Pod *manifest.Pod
	// Labels are what the Pod that is written gets.
	Labels map[string]string
	// KeepToken leaves the Pod that is written its service account token.
	KeepToken bool
}

// Pod writes a new Pod manifest. The same input always gives the same bytes. The result is checked before it is
// returned: it decodes strictly as a Pod, and unless the profile has exceptions the restricted level of Pod Security
// admits it.
func Pod(in Input) ([]byte, error) {
	if in.Profile.Open {
		return nil, fmt.Errorf("writing a Pod: the profile is the unrestricted one, which is never written")
	}
	image := cmp.Or(in.Facts.Digest, in.Target.Image)
	name := cmp.Or(in.Name, Name(in.Target.Image))
	if label(name, "", "") != name {
		return nil, fmt.Errorf("writing a Pod: %q is no name for a container: use lower case letters, digits and '-', at most %d", name, maxName)
	}
	security := containerSecurity(in.Profile)
	l, err := layOut(in.Profile.Mounts, seeding{image: image, Seeding: in.Profile.Seeding},
		security, nameSet{}, nameSet{name: true})
	if err != nil {
		return nil, fmt.Errorf("writing a Pod: %w", err)
	}
	var spec object
	if !in.KeepToken {
		spec = object{{tokenField, false}}
	}
	spec = append(spec, field{"securityContext", podSecurity(in.Profile)})
	if len(l.seeds) > 0 {
		spec = append(spec, field{"initContainers", l.seeds})
	}
	spec = append(spec, field{"containers", []any{container(in, name, image, security, l.mounts)}})
	if len(l.volumes) > 0 {
		spec = append(spec, field{"volumes", l.volumes})
	}
	meta := object{{"name", name}}
	if len(in.Labels) > 0 {
		meta = append(meta, field{"labels", labels(in.Labels)})
	}
	lines := plainStyle.blockFields(object{
		{"apiVersion", "v1"},
		{"kind", "Pod"},
		{"metadata", meta},
		{"spec", spec},
	}, 0)
	out := []byte(strings.Join(lines, "\n") + "\n")
	if err := checkPod(out, len(in.Profile.Exceptions()) == 0); err != nil {
		return nil, fmt.Errorf("checking the Pod that was written (this is a fault of podseal): %w", err)
	}
	return out, nil
}

func labels(from map[string]string) object {
	var o object
	for _, k := range slices.Sorted(maps.Keys(from)) {
		o = append(o, field{k, from[k]})
	}
	return o
}

// container is the sealed container, run as the target says.
func container(in Input, name, image string, security object, mounts []any) object {
	o := object{{"name", name}, {"image", image}}
	command, args := in.Target.Entrypoint, in.Target.Args
	if command != nil && len(command) == 0 {
		// An emptied entrypoint: Kubernetes would take the image's for an empty command, so the arguments are it.
		command, args = args, nil
	}
	o = appendList(o, "command", literals(command))
	o = appendList(o, "args", literals(args))
	if dir := cmp.Or(in.Profile.WorkingDir, in.Target.WorkingDir); dir != "" {
		o = append(o, field{"workingDir", dir})
	}
	o = appendList(o, "env", append(targetEnv(in.Target.Env, in.Profile.Env), envItems(in.Profile.Env)...))
	o = appendList(o, "ports", ports(in.Target, in.Facts))
	o = append(o, field{"securityContext", security})
	return appendList(o, "volumeMounts", mounts)
}

func appendList(o object, key string, items []any) object {
	if len(items) == 0 {
		return o
	}
	return append(o, field{key, items})
}

func literals(words []string) []any { return list(literalWords(words)) }

// targetEnv is the target's environment in its order. Of two variables with one name the later counts, and the
// profile's own count more than both.
func targetEnv(env []target.EnvVar, own map[string]string) []any {
	last := map[string]int{}
	for i, e := range env {
		last[e.Name] = i
	}
	var items []any
	for i, e := range env {
		if _, overridden := own[e.Name]; last[e.Name] == i && !overridden {
			items = append(items, object{{"name", e.Name}, {"value", literal(e.Value)}})
		}
	}
	return items
}

// ports are the target's, else those that the image exposes, sorted.
func ports(t target.Target, facts image.Facts) []any {
	var out []any
	if len(t.Ports) > 0 {
		for _, p := range slices.Sorted(slices.Values(t.Ports)) {
			out = append(out, object{{"containerPort", int64(p)}})
		}
		return out
	}
	if facts.Config == nil {
		return nil
	}
	type port struct {
		number   int64
		protocol string
	}
	var exposed []port
	for spec := range maps.Keys(facts.Config.Config.ExposedPorts) {
		number, protocol, _ := strings.Cut(spec, "/")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || n < 1 || n > 65535 {
			continue // a range, or nothing that Kubernetes knows
		}
		exposed = append(exposed, port{n, strings.ToUpper(protocol)})
	}
	slices.SortFunc(exposed, func(a, b port) int {
		return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.protocol, b.protocol))
	})
	for _, p := range exposed {
		o := object{{"containerPort", p.number}}
		if p.protocol == "UDP" || p.protocol == "SCTP" {
			o = append(o, field{"protocol", p.protocol})
		}
		out = append(out, o)
	}
	return out
}

// Unproved marks a manifest whose profile was planned but never run.
func Unproved(manifest []byte) []byte {
	const mark = "# NOT PROVED: this profile was planned, but no sealed run has shown that the application works under it.\n"
	return append([]byte(mark), manifest...)
}
