package image

import "slices"

// Stack is an image known by its layers.
type Stack struct {
	Ref    string
	Layers []string // diff ids, "sha256:...", from the bottom
}

// Layers returns the diff ids of an image's layers, from the bottom.
func (f Facts) Layers() []string {
	var out []string
	for _, h := range f.Config.RootFS.DiffIDs {
		out = append(out, h.String())
	}
	return out
}

// BaseOf returns the known images that an image was made from: all their layers are its lowest ones, and it has more. Of
// several it returns those with the most layers, which are all the same layers.
func BaseOf(layers []string, known []Stack) []Stack {
	var out []Stack
	for _, k := range known {
		n := len(k.Layers)
		if n == 0 || n >= len(layers) || !slices.Equal(k.Layers, layers[:n]) {
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
