package image

import "slices"

// Stack is an image known by its layers.
type Stack struct {
	Ref    string
	Layers []string // diff ids, "sha256:...", from the bottom
}

// Layers are the diff ids of an image's layers, from the bottom.
func (f Facts) Layers() []string {
	var out []string
	for _, h := range f.Config.RootFS.DiffIDs {
		out = append(out, h.String())
	}
	return out
}

// BaseOf finds the images whose layers are the lowest ones of an image, where it has more of its own: it was made from
// them, or from what they were made from. Of several, the ones with most layers are returned, which have the same ones.
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
