package podspec

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/tree"
)

// Layout is what the mounts of one profile add to a pod.
type Layout struct {
	Volumes []any // items of the pod's volumes
	Mounts  []any // items of the container's volumeMounts
	Seeds   []any // items of the pod's initContainers
}

// LayOut returns a volume for each mount, its volumeMount, and where the mount does not start empty an init container. The
// names that it chooses are added to volumes and containers. A path that Kubernetes or a runtime refuses is an error.
func LayOut(mounts []profile.Mount, s Seeding, volumes, containers Names) (Layout, error) {
	var l Layout
	imageVolume := ""
	for _, m := range slices.SortedFunc(slices.Values(mounts), func(a, b profile.Mount) int { return cmp.Compare(a.Path, b.Path) }) {
		if err := CheckMountPath(m.Path); err != nil {
			return Layout{}, err
		}
		name := volumes.Take(VolumeName(m.Path))
		l.Volumes = append(l.Volumes, tree.Object{{Key: "name", Value: name}, {Key: "emptyDir", Value: emptyDir(m)}})
		mount := tree.Object{{Key: "name", Value: name}, {Key: "mountPath", Value: m.Path}}
		if !m.NeedsInit() {
			l.Mounts = append(l.Mounts, mount)
			continue
		}
		if m.Kind == profile.Seeded && s.ImageVolume && imageVolume == "" {
			imageVolume = volumes.Take("image")
			l.Volumes = append(l.Volumes, tree.Object{{Key: "name", Value: imageVolume}, {Key: "image", Value: tree.Object{{Key: "reference", Value: s.AppImage}}}})
		}
		l.Mounts = append(l.Mounts, append(mount, tree.Field{Key: "subPath", Value: profile.SeedSubPath}))
		seed, err := s.container(m, name, imageVolume, containers)
		if err != nil {
			return Layout{}, err
		}
		l.Seeds = append(l.Seeds, seed)
	}
	return l, nil
}

func emptyDir(m profile.Mount) tree.Object {
	var o tree.Object
	if m.Medium != profile.Disk {
		o = append(o, tree.Field{Key: "medium", Value: string(m.Medium)})
	}
	if m.SizeLimit > 0 {
		o = append(o, tree.Field{Key: "sizeLimit", Value: sizeLimit(m.SizeLimit)})
	}
	return o
}

// sizeLimit returns a size in bytes as a quantity: "64Mi".
func sizeLimit(size int64) string { return resource.NewQuantity(size, resource.BinarySI).String() }

// CheckMountPath refuses a path that Kubernetes, or a runtime below it, would refuse or misread.
func CheckMountPath(at string) error {
	switch {
	case !path.IsAbs(at) || path.Clean(at) != at:
		return fmt.Errorf("mounting %q: not a clean absolute path", at)
	case at == "/":
		return fmt.Errorf("mounting %q: the root folder cannot be a mount", at)
	case strings.ContainsAny(at, ":\x00"):
		return fmt.Errorf("mounting %q: Kubernetes takes no colon in a mount path", at)
	}
	return nil
}
