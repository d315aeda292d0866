// Package podtrace brings podseal's program into pods of a cluster, and with it the tracer: Secrets with the parts of the
// program, the sensor before the program of a container, and an observer in an ephemeral container. No image of podseal is
// needed.
package podtrace

import (
	"context"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/podspec"
	"github.com/podseal/podseal/internal/trace"
	"github.com/podseal/podseal/internal/trace/loader"
)

// volumeName is the volume with the program in a pod.
const volumeName = "podseal-program"

// Path is the program's path in containers that mount it.
const Path = trace.Mountpoint + "/" + trace.BinaryName

// Program is podseal's program in a namespace. Its Secrets are removed with what the run made there.
type Program struct {
	secrets []string
}

// Place creates the Secrets with a program for an architecture in Go's spelling. It keeps those that an earlier call has
// created before it failed.
func Place(ctx context.Context, n *kube.Namespace, arch string, program []byte) (*Program, error) {
	parts, err := Split(arch, program)
	if err != nil {
		return nil, err
	}
	out := &Program{}
	for i, data := range parts {
		name := fmt.Sprintf("podseal-%s-%s-%d", n.RunID, arch, i)
		if err := n.CreateSecret(ctx, name, data); err != nil && !apierrors.IsAlreadyExists(err) {
			return nil, err
		}
		out.secrets = append(out.secrets, name)
	}
	return out, nil
}

// Split returns the files of a program, as many Secrets have them. An error says why there can be none.
func Split(arch string, program []byte) ([]map[string][]byte, error) {
	first, err := loader.Program(arch)
	if err != nil {
		return nil, err
	}
	parts, err := loader.Parts(program)
	if err != nil {
		return nil, fmt.Errorf("%w: use a release build, which carries a small one", err)
	}
	var out []map[string][]byte
	for _, p := range parts {
		out = append(out, map[string][]byte{p.Name: p.Data})
	}
	if len(out) > 0 {
		out[0][trace.BinaryName] = first
	}
	return out, nil
}

// Mount adds the program to a container of a pod.
func (p *Program) Mount(spec *corev1.PodSpec, container string) {
	mode := int32(0o555)
	projected := &corev1.ProjectedVolumeSource{DefaultMode: &mode}
	for _, name := range p.secrets {
		projected.Sources = append(projected.Sources, corev1.VolumeProjection{
			Secret: &corev1.SecretProjection{LocalObjectReference: corev1.LocalObjectReference{Name: name}},
		})
	}
	spec.Volumes = append(spec.Volumes, corev1.Volume{Name: volumeName, VolumeSource: corev1.VolumeSource{Projected: projected}})
	c := podspec.ContainerOf(spec, container)
	c.VolumeMounts = append(c.VolumeMounts, mount())
}

func mount() corev1.VolumeMount {
	return corev1.VolumeMount{Name: volumeName, MountPath: trace.Mountpoint, ReadOnly: true}
}

// Sense puts the sensor before the program of a container that mounts the program.
func Sense(spec *corev1.PodSpec, container string, image v1.Config, o trace.SensorOptions) {
	c := podspec.ContainerOf(spec, container)
	command, args := c.Command, c.Args
	if len(command) == 0 {
		command = literal(image.Entrypoint)
		if len(args) == 0 {
			args = literal(image.Cmd)
		}
	}
	c.Command, c.Args = trace.SensorArgs(slices.Concat(command, args), o), nil
}

// literal protects words of an image: a kubelet expands nothing there.
func literal(words []string) []string {
	var out []string
	for _, w := range words {
		out = append(out, podspec.Literal(w))
	}
	return out
}
