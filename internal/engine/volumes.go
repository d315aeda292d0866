package engine

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// UncoveredVolumes returns the image's VOLUME paths that neither the profile nor the pod mounts, sorted. Docker would put
// a silent writable volume there, as some kubelets' runtimes do and others do not. The unrestricted profile has none.
func UncoveredVolumes(t target.Target, facts image.Facts, p profile.Profile) []string {
	if p.Open {
		return nil
	}
	var out []string
	for _, v := range slices.Sorted(maps.Keys(facts.Config.Config.Volumes)) {
		at := path.Clean("/" + v) // an image may declare "data/"
		mounted := slices.ContainsFunc(t.Mounts, func(m target.VolumeMount) bool { return m.Path == at })
		if _, ok := p.Mount(at); !ok && !mounted {
			out = append(out, v)
		}
	}
	return out
}

// UncoveredError returns the error of a start under a profile that does not mount every VOLUME of its image.
func UncoveredError(missing []string) error {
	return fmt.Errorf("the profile has no mount for the image's VOLUME %s: every VOLUME has to be mounted", strings.Join(missing, ", "))
}
