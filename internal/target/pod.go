package target

import (
	"time"

	"github.com/podseal/podseal/internal/profile"
)

// Pod describes the pod of a target: its other containers and its volumes. A target without a Pod runs alone.
type Pod struct {
	Name        string            // also the hostname
	Passing     bool              // only podseal's runs use the name: a controller names its pods otherwise
	Kind        MemberKind        // of the target: the members after an init container start when it has exited
	Volumes     []Volume          // in the pod's order
	FSGroup     *int64            // the group that owns the volumes; nil if the pod sets none, which differs from group 0
	Groups      []int64           // supplementalGroups, sorted
	Hosts       []string          // hostAliases: names in /etc/hosts, as NAME:IP
	Sysctls     map[string]string // the sysctls that the pod sets
	Ports       []int             // TCP ports to publish: those of the default container first; all containers share them
	Before      []Member          // the containers that start before the target, in a kubelet's order
	After       []Member          // the containers that start after the target, in a kubelet's order
	Default     string            // the member that PODSEAL_CONTAINER names and --exec runs in; empty means the target
	Unsupported []string          // the fields of the pod that podseal does not emulate, one sentence each
	Original    string            // how messages name the pod: "Deployment web"
}

// Member is another container of a target's pod.
type Member struct {
	Name string
	Kind MemberKind
	// Target describes how the member runs; its Pod, Commands and Soak are not used.
	Target Target
	// Profile is the profile that the member runs under: the unrestricted one, or that of its seal.
	Profile profile.Profile
}

// MemberKind is how long a container of a pod runs.
type MemberKind string

const (
	// Main runs as long as the pod.
	Main MemberKind = "container"
	// Init runs to its end before the next container starts.
	Init MemberKind = "init container"
	// Sidecar is an init container that runs as long as the pod (restartPolicy: Always).
	Sidecar MemberKind = "sidecar"
)

// VolumeKind is the kind of a pod's volume.
type VolumeKind string

const (
	// EmptyDir is empty when the pod starts.
	EmptyDir VolumeKind = "emptyDir"
	// Files holds files that the pod may only read: a configMap, secret, projected or downwardAPI volume.
	Files VolumeKind = "files"
	// Claim is a persistent volume: at first an empty folder with owner root and mode 0755.
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

	// Creatable is true if a missing directory at Path is created: by a kubelet (DirectoryOrCreate), or by its container
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

// VolumeMount is the mount of a pod's volume in a container.
type VolumeMount struct {
	Volume   string
	Path     string // absolute and clean
	SubPath  string // below the volume's root; empty means the whole volume
	ReadOnly bool
	// Own marks an emptyDir that only this container mounts, once and as a whole. Its mount belongs to the profile, which
	// may turn it into an owned or a seeded mount.
	Own bool
}

// Hook is an action of a kubelet after the start or before the stop of a container. One of Argv, HTTP and Sleep is set.
type Hook struct {
	Argv  []string
	HTTP  *HTTPGet
	Sleep time.Duration
}

// HTTPGet is the HTTP request of a probe or a hook.
type HTTPGet struct {
	Port    int
	Path    string
	HTTPS   bool // the certificate is not verified, as in a kubelet
	Headers [][2]string
}

// Probe is one readiness or startup probe of a pod. One of Argv, HTTP, TCP and GRPC is set.
type Probe struct {
	Name    string // "readinessProbe", for messages
	Of      string // the other container whose probe it is, or the default one if Argv is set; empty means the target's probe
	Argv    []string
	HTTP    *HTTPGet
	TCP     int // port
	GRPC    int // port
	Service string
	Timeout time.Duration // of one attempt
}

// PodIP is a placeholder, in values of the environment and in arguments, for the address of the pod.
const PodIP = "{pod-ip}"

// Volume returns the volume of the pod with the given name, and false if there is none. A nil pod has no volumes.
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

// Writable reports whether a mount of the pod is writable: neither the mount nor the kind of its volume is read-only.
// Owners and modes are not considered. It is false if the pod has no such volume.
func (t Target) Writable(m VolumeMount) bool {
	v, ok := t.Pod.Volume(m.Volume)
	return ok && !m.ReadOnly && v.Kind != Files
}

// GivenMount returns the deepest mount of the pod at or above a path, and false if there is none.
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
