package docker

import (
	"slices"
	"strconv"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"

	"github.com/podseal/podseal/internal/image"
)

// Spec describes a container that is to be created. A zero field leaves the engine's default, except that the engine's
// own init process never precedes PID 1: a daemon may be configured to add it to every container.
type Spec struct {
	Name       string      // empty means a name that Create chooses
	Image      image.Facts // exactly this image runs, whatever its tag points to by now
	Entrypoint []string    // the whole command: the image's CMD is not added to it
	User       string
	WorkingDir string
	Hostname   string
	Hosts      []string // lines of /etc/hosts in addition to the engine's, as NAME:IP
	Env        []string

	Network     string // "" is the engine's default network; else "host", "none", "container:ID" or a name
	Alias       string // the container's name on a Network that has a name; empty for none
	IPC         string // "none", "shareable" or "container:ID"
	HostPID     bool   // share the PID namespace of the engine's host
	Ports       []Port
	PublishOn   string // address on which Ports are published, each at a port that the engine chooses
	Sysctls     map[string]string
	ShmSize     int64 // bytes of /dev/shm
	Memory      int64 // bytes of memory, without swap in addition; 0 is no limit
	NoLog       bool  // keep no logs
	MaxLogSize  string
	Lease       bool // the run is alive while this container runs; it ends when its client is gone
	ReadOnly    bool // read-only root file system
	DropAll     bool // drop all capabilities before those of Add are added
	Add         []string
	Groups      []string
	SecurityOpt []string
	Mounts      []Mount
}

// neverStarted is the entrypoint of a container that is only read and filled: an image may have no command, and a
// container must have one.
const neverStarted = "/never-started"

// Unstarted returns the spec of a container whose files are read and written without starting it.
func Unstarted(facts image.Facts) Spec {
	// The engine would make the image's working directory where the image lacks it.
	return Spec{Image: facts, Entrypoint: []string{neverStarted}, WorkingDir: "/", Network: "none"}
}

// Port is a port of a container.
type Port struct {
	Number   int
	Protocol string // "tcp" or "udp"
}

// Mount is a volume, or a path of the engine's host, in a container.
type Mount struct {
	Source   string // volume name; a path where Bind is set
	Target   string
	Bind     bool
	ReadOnly bool
	// Copy fills an empty volume with what the image has at Target, owner and mode included. It is Docker's default and
	// no kubelet's, so that it must be asked for.
	Copy bool
}

// SharesNetwork reports whether the container has another network namespace than its own: the host's, or another
// container's.
func (s Spec) SharesNetwork() bool {
	n := container.NetworkMode(s.Network)
	return n.IsHost() || n.IsContainer()
}

// Publishes reports whether the engine can publish ports of the container.
func (s Spec) Publishes() bool {
	return !s.SharesNetwork() && !container.NetworkMode(s.Network).IsNone()
}

// networking returns the name of the container on its network in the terms of the API; nil where it has none. Only networks
// that a user or a run has made know names.
func (s Spec) networking() *network.NetworkingConfig {
	if s.Alias == "" || s.Network == "" || !container.NetworkMode(s.Network).IsUserDefined() {
		return nil
	}
	return &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{s.Network: {Aliases: []string{s.Alias}}}}
}

// config translates the spec to the terms of the API.
func (s Spec) config(labels map[string]string) (*container.Config, *container.HostConfig) {
	noInit := false
	cfg := &container.Config{
		Image: s.Image.ID, Entrypoint: s.Entrypoint, User: s.User, WorkingDir: s.WorkingDir, Hostname: s.Hostname, Env: s.Env,
		Labels: labels,
		// The engine closes stdin when the one client that is attached has gone.
		OpenStdin: s.Lease, StdinOnce: s.Lease, AttachStdin: s.Lease,
	}
	host := &container.HostConfig{
		NetworkMode: container.NetworkMode(s.Network), IpcMode: container.IpcMode(s.IPC), Init: &noInit, ShmSize: s.ShmSize,
		ReadonlyRootfs: s.ReadOnly, ExtraHosts: slices.Clone(s.Hosts), CapAdd: slices.Clone(s.Add), GroupAdd: slices.Clone(s.Groups),
		SecurityOpt: slices.Clone(s.SecurityOpt), Sysctls: s.Sysctls,
		Resources: container.Resources{Memory: s.Memory, MemorySwap: s.Memory},
	}
	if s.Network == "" {
		host.NetworkMode = "default"
	}
	if s.HostPID {
		host.PidMode = "host"
	}
	if s.DropAll {
		host.CapDrop = []string{"ALL"}
	}
	switch {
	case s.NoLog:
		host.LogConfig = container.LogConfig{Type: "none"}
	case s.MaxLogSize != "":
		host.LogConfig = container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": s.MaxLogSize}}
	}
	for _, m := range s.Mounts {
		host.Mounts = append(host.Mounts, m.config())
	}
	if len(s.Ports) > 0 {
		cfg.ExposedPorts, host.PortBindings = nat.PortSet{}, nat.PortMap{}
	}
	for _, p := range s.Ports {
		key := nat.Port(strconv.Itoa(p.Number) + "/" + p.Protocol)
		cfg.ExposedPorts[key] = struct{}{}
		host.PortBindings[key] = []nat.PortBinding{{HostIP: s.PublishOn}}
	}
	return cfg, host
}

func (m Mount) config() mount.Mount {
	if m.Bind {
		return mount.Mount{Type: mount.TypeBind, Source: m.Source, Target: m.Target, ReadOnly: m.ReadOnly}
	}
	return mount.Mount{
		Type: mount.TypeVolume, Source: m.Source, Target: m.Target, ReadOnly: m.ReadOnly,
		VolumeOptions: &mount.VolumeOptions{NoCopy: !m.Copy},
	}
}
