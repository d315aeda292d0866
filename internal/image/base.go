package image

import (
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Stack is an image known by its layers.
type Stack struct {
	Ref    string
	Layers []string // diff ids, "sha256:...", from the bottom
	Passed []string // what every image made from it has: see Passed; nil if it is not known
}

// Layers returns the diff ids of an image's layers, from the bottom.
func (f Facts) Layers() []string {
	var out []string
	for _, h := range f.Config.RootFS.DiffIDs {
		out = append(out, h.String())
	}
	return out
}

// Passed returns the settings that an image passes on to every image made from it, which no Dockerfile can remove: the ports
// and the volumes, and the names of the labels and of the variables.
func Passed(c v1.Config) []string {
	var out []string
	for p := range c.ExposedPorts {
		out = append(out, "port "+p)
	}
	for v := range c.Volumes {
		out = append(out, "volume "+v)
	}
	for l := range c.Labels {
		out = append(out, "label "+l)
	}
	for _, e := range c.Env {
		name, _, _ := strings.Cut(e, "=")
		out = append(out, "variable "+name)
	}
	slices.Sort(out)
	return out
}

// BaseOf returns the known images that an image was made from: all their layers are its lowest ones, it has more, and it has
// what they pass on. An image that was built by the same first steps alone passes on other settings. Of several images it
// returns those with the most layers, which are all the same layers.
func BaseOf(layers, passed []string, known []Stack) []Stack {
	var out []Stack
	for _, k := range known {
		n := len(k.Layers)
		lacks := func(setting string) bool { return !slices.Contains(passed, setting) }
		if n == 0 || n >= len(layers) || !slices.Equal(k.Layers, layers[:n]) || slices.ContainsFunc(k.Passed, lacks) {
			continue
		}
		if len(out) > 0 && n < len(out[0].Layers) {
			continue
		}
		if len(out) > 0 && n > len(out[0].Layers) {
			out = nil
		}
		out = append(out, k)
	}
	return out
}
