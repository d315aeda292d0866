package podspec

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/profile"
)

// Pod is a pod that exists, as its manifest has it.
type Pod struct {
	Title      string // for messages: "Deployment web"
	Spec       corev1.PodSpec
	Containers []Container // the init containers first, each list in its order
	Claims     []string    // the names of a StatefulSet's claim templates, which no new volume may have
	Limited    string      // the controller that passes no securityContext of the pod on; empty: none
	NoInit     bool        // the controller passes no init containers on either
}

// Container is one container of a Pod.
type Container struct {
	corev1.Container
	Init  bool
	Index int  // in the pod's containers or initContainers
	Seed  bool // an earlier seal brought this init container, to fill a mount of another container
}

// Sealed is a container of a Pod with the profile that it gets.
type Sealed struct {
	Container string
	Profile   profile.Profile

	// NoToken says that nothing showed this container to use the API. If all containers of a pod say so, and the pod
	// names no service account, it gets no token.
	NoToken bool
	// TokenWhy is the reason for NoToken.
	TokenWhy string
}

// Kept is something of the pod that serves a profile as it is.
type Kept struct {
	Container string // empty for the pod's own field
	Field     string // of the pod's spec, or of the container: "volumeMounts /tmp"
	Have      string // the name of the volume
	Why       string
}

// Error is the reason why a profile cannot be written into a pod.
type Error struct {
	Container string // the container to blame; empty for the pod
	Reason    string
}

func (e *Error) Error() string { return e.Reason }

// securityContext returns the pod's own, empty if it has none.
func (p Pod) securityContext() *corev1.PodSecurityContext {
	if have := p.Spec.SecurityContext; have != nil {
		return have
	}
	return &corev1.PodSecurityContext{}
}

// shares reports whether a container other than the named one mounts a volume.
func (p Pod) shares(name, volume string) bool {
	for _, other := range p.Containers {
		if other.Name != name && slices.ContainsFunc(other.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == volume }) {
			return true
		}
	}
	return false
}

// seedOf returns the init container of an earlier seal that makes a mount's folder in a volume.
func (p Pod) seedOf(m profile.Mount, volume string) (Container, bool) {
	for _, c := range p.Containers {
		if c.Seed && len(c.VolumeMounts) > 0 && c.VolumeMounts[0].Name == volume && c.VolumeMounts[0].MountPath == m.SeedVolumePath() {
			return c, true
		}
	}
	return Container{}, false
}

// container returns the container of a name.
func (p Pod) container(name string) (Container, bool) {
	for _, c := range p.Containers {
		if c.Name == name {
			return c, true
		}
	}
	return Container{}, false
}
