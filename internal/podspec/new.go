package podspec

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/tree"
)

// Image is an image without a manifest, from which a new pod is made.
type Image struct {
	Name      string // of the pod and its container
	Ref       string // of the image
	Target    target.Target
	Facts     image.Facts
	Profile   profile.Profile
	Labels    map[string]string
	KeepToken bool // leaves the pod its service account token
}

// New returns a whole Pod for an image. Equal input gives an equal Pod.
func New(in Image) (tree.Object, error) {
	if in.Profile.Open {
		return nil, fmt.Errorf("the profile is the unrestricted one, which is never written")
	}
	if Label(in.Name, "", "") != in.Name {
		return nil, fmt.Errorf("%q is no name for a container: use lower case letters, digits and '-', at most %d", in.Name, MaxName)
	}
	security := ContainerSecurity(in.Profile)
	l, err := LayOut(in.Profile.Mounts, Seeding{AppImage: in.Ref, Seeding: in.Profile.Seeding, Security: security}, Names{}, Names{in.Name: true})
	if err != nil {
		return nil, err
	}
	var spec tree.Object
	if !in.KeepToken {
		spec = append(spec, tree.Field{Key: tokenField, Value: false})
	}
	if in.Target.Completes { // a kubelet would start a container that has ended well for ever
		spec = append(spec, tree.Field{Key: "restartPolicy", Value: string(corev1.RestartPolicyOnFailure)})
	}
	spec = append(spec, tree.Field{Key: "securityContext", Value: PodSecurity(in.Profile)})
	spec = spec.AppendList("initContainers", l.Seeds)
	spec = append(spec, tree.Field{Key: "containers", Value: []any{newContainer(in, security, l.Mounts)}})
	spec = spec.AppendList("volumes", l.Volumes)
	meta := tree.Object{{Key: "name", Value: in.Name}}.AppendObject("labels", tree.StringMap(in.Labels))
	return tree.Object{
		{Key: "apiVersion", Value: "v1"},
		{Key: "kind", Value: "Pod"},
		{Key: "metadata", Value: meta},
		{Key: "spec", Value: spec},
	}, nil
}

// newContainer returns the sealed container, run as the target says.
func newContainer(in Image, security tree.Object, mounts []any) tree.Object {
	o := tree.Object{{Key: "name", Value: in.Name}, {Key: "image", Value: in.Ref}}
	command, args := in.Target.Entrypoint, in.Target.Args
	if command != nil && len(command) == 0 {
		// An emptied entrypoint: Kubernetes would take the image's for an empty command, so the arguments are the command.
		command, args = args, nil
	}
	o = o.AppendList("command", tree.List(Literals(command)))
	o = o.AppendList("args", tree.List(Literals(args)))
	if dir := cmp.Or(in.Profile.WorkingDir, in.Target.WorkingDir); dir != "" {
		o = append(o, tree.Field{Key: "workingDir", Value: dir})
	}
	var env []any
	for _, v := range slices.Concat(targetEnv(in.Target.Env, in.Profile.Env), envVars(in.Profile.Env)) {
		env = append(env, envItem(v))
	}
	o = o.AppendList("env", env)
	o = o.AppendList("ports", portItems(Ports(in.Target, in.Facts)))
	o = append(o, tree.Field{Key: "securityContext", Value: security})
	return o.AppendList("volumeMounts", mounts)
}

// targetEnv returns the target's environment in its order. Of two variables with one name the later counts, and the
// profile's own counts more than both.
func targetEnv(env []target.EnvVar, own map[string]string) []corev1.EnvVar {
	last := map[string]int{}
	for i, e := range env {
		last[e.Name] = i
	}
	var out []corev1.EnvVar
	for i, e := range env {
		if _, overridden := own[e.Name]; last[e.Name] == i && !overridden {
			out = append(out, corev1.EnvVar{Name: e.Name, Value: Literal(e.Value)})
		}
	}
	return out
}

// Ports returns the target's ports, else those that the image exposes, sorted. The protocol is empty for TCP.
func Ports(t target.Target, facts image.Facts) []corev1.ContainerPort {
	var out []corev1.ContainerPort
	if len(t.Ports) > 0 {
		for _, p := range slices.Sorted(slices.Values(t.Ports)) {
			out = append(out, corev1.ContainerPort{ContainerPort: int32(p)}) //nolint:gosec // a port: checked when it was read
		}
		return out
	}
	if facts.Config == nil {
		return nil
	}
	for spec := range maps.Keys(facts.Config.Config.ExposedPorts) {
		number, protocol, _ := strings.Cut(spec, "/")
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || n < 1 {
			continue // a range, or nothing that Kubernetes knows
		}
		port := corev1.ContainerPort{ContainerPort: int32(n)} //nolint:gosec // of 16 bits
		if p := corev1.Protocol(strings.ToUpper(protocol)); p == corev1.ProtocolUDP || p == corev1.ProtocolSCTP {
			port.Protocol = p
		}
		out = append(out, port)
	}
	slices.SortFunc(out, func(a, b corev1.ContainerPort) int {
		return cmp.Or(cmp.Compare(a.ContainerPort, b.ContainerPort), cmp.Compare(a.Protocol, b.Protocol))
	})
	return out
}

func portItems(ports []corev1.ContainerPort) []any {
	var out []any
	for _, p := range ports {
		o := tree.Object{{Key: "containerPort", Value: int64(p.ContainerPort)}}
		if p.Protocol != "" {
			o = append(o, tree.Field{Key: "protocol", Value: string(p.Protocol)})
		}
		out = append(out, o)
	}
	return out
}
