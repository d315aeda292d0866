package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// source is the manifest that a target comes from, and that its seal is written into.
type source struct {
	file *manifest.File
	at   manifest.Target
}

// readSource reads a manifest and chooses its one container.
func readSource(s streams, name, object, container string) (*source, error) {
	data, err := readInput(s, name)
	if err != nil {
		return nil, err
	}
	file, err := manifest.Parse(name, data, "")
	if err != nil {
		return nil, asBadInput(err)
	}
	found, err := file.Select(object, container)
	if err != nil {
		return nil, asBadInput(err)
	}
	if len(found) > 1 {
		var names []string
		for _, t := range found {
			names = append(names, fmt.Sprintf("%s/%s", t.Pod, t.Container.Name))
		}
		return nil, badInput("%s has %d containers: choose one with --container or --select: %s", name, len(found), strings.Join(names, ", "))
	}
	return &source{file: file, at: found[0]}, nil
}

func readInput(s streams, name string) ([]byte, error) {
	if name == "-" {
		data, err := io.ReadAll(s.in)
		if err != nil {
			return nil, badInput("reading stdin: %w", err)
		}
		return data, nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, badInput("%w", plainPathError(err))
	}
	return data, nil
}

// describe fills a target with what the pod says of the container; flags that the user gave win.
func (src *source) describe(t target.Target) (target.Target, error) {
	c := src.at.Container
	if c.Init {
		return t, badInput("%s: %s is an init container: only main containers can be sealed by themselves", src.file.Name, c.Name)
	}
	env, err := podEnv(src.file.Name, c, t.Env)
	if err != nil {
		return t, err
	}
	t.Image, t.Env = c.Image, env
	if t.Entrypoint == nil && len(c.Command) > 0 {
		t.Entrypoint = expandAll(c.Command, env)
	}
	if t.Args == nil && len(c.Args) > 0 {
		t.Args = expandAll(c.Args, env)
	}
	if t.WorkingDir == "" {
		t.WorkingDir = c.WorkingDir
	}
	if len(t.Ports) == 0 {
		for _, p := range c.Ports {
			if p.Protocol == "" || p.Protocol == corev1.ProtocolTCP {
				t.Ports = append(t.Ports, int(p.ContainerPort))
			}
		}
	}
	return t, src.refuseVolumes(&t)
}

// podEnv is the container's environment with the flags' on top. A value from elsewhere must be given by a flag.
func podEnv(file string, c manifest.Container, flags []target.EnvVar) ([]target.EnvVar, error) {
	var out []target.EnvVar
	given := func(name string) bool {
		return slices.ContainsFunc(flags, func(v target.EnvVar) bool { return v.Name == name })
	}
	for _, e := range c.Env {
		switch {
		case given(e.Name):
		case e.ValueFrom != nil:
			return nil, badInput("%s, line %d: the value of %s is not in the pod: give one with --env %s=VALUE", file, c.Line, e.Name, e.Name)
		default:
			out = append(out, target.EnvVar{Name: e.Name, Value: expand(e.Value, out)})
		}
	}
	if len(c.EnvFrom) > 0 {
		return nil, badInput("%s, line %d: the container takes its environment from a ConfigMap or Secret (envFrom): give the values with --env-file and seal the image instead of the manifest", file, c.Line)
	}
	return append(out, flags...), nil
}

// refuseVolumes notes the container's emptyDirs, and refuses what cannot be given to it here.
func (src *source) refuseVolumes(t *target.Target) error {
	for _, m := range src.at.Container.VolumeMounts {
		for _, v := range src.at.Pod.Spec.Volumes {
			if v.Name != m.Name {
				continue
			}
			if v.EmptyDir == nil || m.SubPath != "" || m.ReadOnly {
				return badInput("%s, line %d: the volume %s at %s is not an emptyDir: podseal cannot give it to the container yet; seal the image instead of the manifest",
					src.file.Name, src.at.Container.Line, m.Name, m.MountPath)
			}
			if t.Pod == nil {
				t.Pod = &target.Pod{}
			}
			t.Pod.Volumes = append(t.Pod.Volumes, target.Volume{Name: m.Name, Kind: target.EmptyDir, Medium: profile.Medium(v.EmptyDir.Medium)})
			t.Mounts = append(t.Mounts, target.VolumeMount{Volume: m.Name, Path: m.MountPath, Own: true})
		}
	}
	return nil
}

var variable = regexp.MustCompile(`\$\$|\$\(([A-Za-z_.][A-Za-z0-9_.-]*)\)`)

// expand replaces $(NAME) by a variable that was declared before, as a kubelet does: $$(NAME) stands for $(NAME), and
// an unknown name stays as it is.
func expand(s string, env []target.EnvVar) string {
	return variable.ReplaceAllStringFunc(s, func(m string) string {
		if m == "$$" {
			return "$"
		}
		name := m[2 : len(m)-1]
		for i := len(env) - 1; i >= 0; i-- {
			if env[i].Name == name {
				return env[i].Value
			}
		}
		return m
	})
}

func expandAll(words []string, env []target.EnvVar) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = expand(w, env)
	}
	return out
}
