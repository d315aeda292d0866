package target

import (
	"time"

	"github.com/podseal/podseal/internal/profile"
)

// Pod is what a target lives in: the other containers of its pod, and the pod's volumes. A target without a Pod runs
// alone.
type Pod struct {
	Name        string            // the hostname, too
	Passing     bool              // the name is one of these runs: a controller gives its pods others
	Kind        MemberKind        // of the target: those after an init container start when it has ended
	Volumes     []Volume          // in the pod's order
	FSGroup     *int64            // the group that owns the volumes; nil where the pod says none, which is not the group 0
	Groups      []int64           // supplementalGroups, sorted
	Hosts       []string          // hostAliases: names in /etc/hosts, as NAME:IP
	Sysctls     map[string]string // that the pod sets
	Ports       []int             // TCP ports to publish: those of the default container first; all containers share them
	Before      []Member          // the containers that start before the target, in the order in which a kubelet starts them
	After       []Member          // those that start after it
	Default     string            // the member that PODSEAL_CONTAINER names and --exec runs in; empty means the target
	Unsupported []string          // what of the pod podseal does not emulate, one sentence each
	Original    string            // how messages name the pod: "Deployment web"
}

// Member is another container of a target's pod.
type Member struct {
	Name string
	Kind MemberKind
	// Target says how it runs; its own Pod, Commands and Soak are not used.
	Target Target
	// Profile is what it may do: the unrestricted one, or the one under which it was sealed.
	Profile profile.Profile
}

// MemberKind says how long a container of a pod runs.
type MemberKind string

const (
	// Main runs as long as the pod.
	Main MemberKind = "container"
	// Init runs to its end before the next container starts.
	Init MemberKind = "init container"
	// Sidecar is an init container that stays (restartPolicy: Always).
	Sidecar MemberKind = "sidecar"
)

// VolumeKind says what a volume of a pod is.
type VolumeKind string

const (
	// EmptyDir is empty when the pod starts.
	EmptyDir VolumeKind = "emptyDir"
	// Files holds files that the pod may only read: a configMap, secret, projected or downwardAPI volume.
	Files VolumeKind = "files"
	// Claim is a persistent volume: at first an empty folder of root, 0755.
	Claim VolumeKind = "claim"
	// Host is a path of the engine's machine.
	Host VolumeKind = "hostPath"
)

// Volume is a volume of a pod.
type Volume struct {
	Name   string
	Kind   VolumeKind
	Medium profile.Medium // of an EmptyDir
	Files  []VolumeFile   // of Files, sorted by path
	Path   string         // of Host

	// Creatable says that a missing directory at Path is created: by a kubelet (DirectoryOrCreate), or by its container
	// runtime (no type).
	Creatable bool
	Declared  string // of Host: where the manifest declares the volume, "FILE:LINE"
}

// VolumeFile is one file of a volume, owned by root.
type VolumeFile struct {
	Path    string // below the volume's root
	Content []byte
	Mode    int64
}

// VolumeMount is a volume's place in a container.
type VolumeMount struct {
	Volume   string
	Path     string // absolute and clean
	SubPath  string // below the volume's root; empty means the whole volume
	ReadOnly bool
	// Own marks an emptyDir that only this container mounts, here, as a whole: its mount is one of the profile's, which
	// may turn it into an owned or a seeded one.
	Own bool
}

// Hook is what a kubelet does after the start or before the stop of a container. One of Argv and HTTP is set.
type Hook struct {
	Argv  []string
	HTTP  *HTTPGet
	Sleep time.Duration
}

// HTTPGet is a request of a probe or a hook.
type HTTPGet struct {
	Port    int
	Path    string
	HTTPS   bool // the certificate is not checked, as a kubelet does not
	Headers [][2]string
}

// Probe is one readiness or startup probe of a pod. One of Argv, HTTP, TCP and GRPC is set.
type Probe struct {
	Name    string // "readinessProbe", for messages
	Of      string // the other container of the pod whose probe it is, the default one where it has Argv; empty: the target's
	Argv    []string
	HTTP    *HTTPGet
	TCP     int // port
	GRPC    int // port
	Service string
	Timeout time.Duration // of one try
}

// PodIP stands in a value of the environment or an argument for the address that the pod will have.
const PodIP = "{pod-ip}"

// Volume finds a volume of the pod.
func (p *Pod) Volume(name string) (Volume, bool) {
	if p != nil {
		for _, v := range p.Volumes {
			if v.Name == name {
				return v, true
			}
		}
	}
	return Volume{}, false
}

// Writable tells whether the container may write into a mount of its pod, as far as the mount is concerned.
func (t Target) Writable(m VolumeMount) bool {
	v, ok := t.Pod.Volume(m.Volume)
	return ok && !m.ReadOnly && v.Kind != Files
}

// GivenMount returns the deepest mount of the pod at or above a path.
func (t Target) GivenMount(at string) (VolumeMount, bool) {
	var best VolumeMount
	found := false
	for _, m := range t.Mounts {
		if profile.Within(at, m.Path) && (!found || len(m.Path) > len(best.Path)) {
			best, found = m, true
		}
	}
	return best, found
}
