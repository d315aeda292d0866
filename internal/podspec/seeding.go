package podspec

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/tree"
)

// Seeding says what the init containers of a container's mounts are made of.
type Seeding struct {
	profile.Seeding
	AppImage   string      // the image of the container
	PullPolicy string      // the container's own; empty: none
	Security   tree.Object // the securityContext of the init containers
	// Resources are those of the container. An init container without limits is refused where a quota asks for them, and
	// lowers the pod's class of service; one with the container's own makes the pod no larger.
	Resources corev1.ResourceRequirements
}

// container returns the init container that makes the folder of an owned or seeded mount, and fills it.
func (s Seeding) container(m profile.Mount, volume, imageVolume string, names Names) (tree.Object, error) {
	mounts := []any{tree.Object{{Key: "name", Value: volume}, {Key: "mountPath", Value: m.SeedVolumePath()}}}
	if m.Kind == profile.Seeded && s.ImageVolume {
		if s.Image == "" {
			return nil, fmt.Errorf("seeding %s from an image volume: no image with a shell is named for the init container", m.Path)
		}
		mounts = append(mounts, tree.Object{{Key: "name", Value: imageVolume}, {Key: "mountPath", Value: profile.SeedImagePath}, {Key: "readOnly", Value: true}})
	}
	image := cmp.Or(s.Image, s.AppImage)
	if image == "" {
		return nil, fmt.Errorf("making %s with an init container: the container names no image for it", m.Path)
	}
	seed := tree.Object{{Key: "name", Value: names.Take(seedName(m.Path))}, {Key: "image", Value: image}}
	if s.PullPolicy != "" {
		seed = append(seed, tree.Field{Key: "imagePullPolicy", Value: s.PullPolicy})
	}
	seed = append(seed, tree.Field{Key: "command", Value: tree.List(s.command(m))})
	seed = seed.AppendObject("resources", resources(s.Resources))
	return append(seed,
		tree.Field{Key: "securityContext", Value: s.Security},
		tree.Field{Key: "volumeMounts", Value: mounts}), nil
}

// command returns the command of an init container as a manifest has it.
func (s Seeding) command(m profile.Mount) []string { return Literals(s.Command(m)) }

// seedName returns the name of the init container for a mount: "seed-etc-nginx-conf-d".
func seedName(path string) string { return Label(path, SeedPrefix, "volume") }

// SeedPrefix starts the names of the init containers that a seal adds.
const SeedPrefix = "seed-"

// resources returns requests and limits as fields. Claims of devices are left out: an init container needs none.
func resources(r corev1.ResourceRequirements) tree.Object {
	var o tree.Object
	for _, l := range []struct {
		key  string
		list corev1.ResourceList
	}{{"limits", r.Limits}, {"requests", r.Requests}} {
		amounts := map[string]string{}
		for name, amount := range l.list {
			amounts[string(name)] = amount.String()
		}
		o = o.AppendObject(l.key, tree.StringMap(amounts))
	}
	return o
}

// IsSeed reports whether an init container is one that a seal added, to fill a mount of another container.
func IsSeed(c corev1.Container) bool {
	if !strings.HasPrefix(c.Name, SeedPrefix) {
		return false
	}
	return slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool {
		return m.MountPath == "/seed" || m.MountPath == "/podseal-seed"
	})
}
