package docker

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/go-connections/nat"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// shmSize is the size of /dev/shm in a pod, and Docker's default, which a daemon may be told to change.
const shmSize = 64 << 20

// settings are what the engine is told of a container.
type settings struct {
	cfg  *container.Config
	host *container.HostConfig
}

// openSettings are those of the open run: as the image and the target say.
func openSettings(t target.Target, facts image.Facts, publishOn string) (settings, error) {
	argv := command(t, facts.Config.Config.Entrypoint, facts.Config.Config.Cmd)
	if len(argv) == 0 {
		return settings{}, &ImageError{Ref: facts.Ref, Text: "it has neither ENTRYPOINT nor CMD: give it a command"}
	}
	noInit := false // a daemon may be told to put its own init before every PID 1
	s := settings{
		cfg: &container.Config{
			Image: facts.ID, User: t.User, WorkingDir: t.WorkingDir, Env: environment(t.Env, nil),
			// The whole command as ENTRYPOINT keeps the engine from adding the image's CMD to it.
			Entrypoint: argv,
		},
		host: &container.HostConfig{
			NetworkMode: container.NetworkMode(t.Network), ShmSize: shmSize, Init: &noInit,
			LogConfig: container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "32m"}},
			CapAdd:    slices.Clone(t.AddCapabilities),
			// A kubelet gives no swap beside the memory.
			Resources: container.Resources{Memory: t.Memory, MemorySwap: t.Memory},
		},
	}
	if t.Network == "" {
		s.host.NetworkMode = "default"
	}
	if publishes(s.host.NetworkMode) {
		publish(s, targetPorts(t, facts), publishOn)
		publishAs(s, "udp", facts.Exposed("udp"), publishOn)
	}
	return s, nil
}

// sealedSettings are those of a sealed run: as a kubelet would start the container under the profile.
func sealedSettings(t target.Target, facts image.Facts, p profile.Profile, mounts []mounted, publishOn string) (settings, error) {
	s, err := openSettings(t, facts, publishOn)
	if err != nil {
		return s, err
	}
	s.cfg.Env = environment(t.Env, p.Env)
	if p.WorkingDir != "" {
		s.cfg.WorkingDir = p.WorkingDir
	}
	restrict(s, p)
	for _, m := range mounts {
		s.host.Mounts = append(s.host.Mounts, volumeMount(m.source(), m.Path))
	}
	return s, nil
}

// initSettings are those of the init container of a mount, in the image of the facts: same user, same restrictions.
func initSettings(facts image.Facts, p profile.Profile, m mounted) settings {
	at := m.SeedVolumePath()
	s := settings{
		cfg:  &container.Config{Image: facts.ID, Entrypoint: p.Seeding.Command(m.Mount)},
		host: &container.HostConfig{NetworkMode: "none", Mounts: []mount.Mount{volumeMount(m.volume, at)}},
	}
	restrict(s, p)
	return s
}

// restrict applies what is the same for all containers of a sealed pod.
func restrict(s settings, p profile.Profile) {
	s.cfg.User = fmt.Sprintf("%d:%d", p.User.UID, p.User.GID)
	for _, g := range p.User.Groups {
		// A kubelet keeps the image's groups of a user with an explicit group, Docker drops them.
		s.host.GroupAdd = append(s.host.GroupAdd, strconv.FormatInt(g, 10))
	}
	s.host.ReadonlyRootfs = !p.WritableRoot
	s.host.CapDrop = []string{"ALL"}
	s.host.CapAdd = slices.Clone(p.AddCapabilities)
	if !p.AllowPrivilegeEscalation {
		s.host.SecurityOpt = []string{"no-new-privileges:true"}
	}
	if n := s.host.NetworkMode; !n.IsHost() && !n.IsContainer() {
		// Docker opens low ports and ICMP echoes to everyone, older kubelets' runtimes do not.
		start := "1024"
		if p.LowPorts {
			start = "0"
		}
		s.host.Sysctls = map[string]string{lowPortSysctl: start, pingSysctl: pingGroups(p.Ping)}
	}
}

// command is what the container runs, by the rules of a pod's command and args.
func command(t target.Target, entrypoint, cmd []string) []string {
	if t.Entrypoint != nil {
		entrypoint, cmd = t.Entrypoint, nil
	}
	if t.Args != nil {
		cmd = t.Args
	}
	return slices.Concat(entrypoint, cmd)
}

// environment is the target's environment with the profile's on top, each name once, in a stable order.
func environment(vars []target.EnvVar, over map[string]string) []string {
	values, order := map[string]string{}, []string{}
	set := func(name, value string) {
		if _, ok := values[name]; !ok {
			order = append(order, name)
		}
		values[name] = value
	}
	for _, v := range vars {
		set(v.Name, v.Value)
	}
	for _, name := range slices.Sorted(maps.Keys(over)) {
		set(name, over[name])
	}
	out := make([]string, 0, len(order))
	for _, name := range order {
		out = append(out, name+"="+values[name])
	}
	return out
}

func publishes(n container.NetworkMode) bool { return !n.IsHost() && !n.IsContainer() && !n.IsNone() }

// publish publishes TCP ports.
func publish(s settings, ports []int, on string) { publishAs(s, "tcp", ports, on) }

func publishAs(s settings, proto string, ports []int, on string) {
	if s.cfg.ExposedPorts == nil {
		s.cfg.ExposedPorts, s.host.PortBindings = nat.PortSet{}, nat.PortMap{}
	}
	for _, p := range ports {
		key := nat.Port(strconv.Itoa(p) + "/" + proto)
		s.cfg.ExposedPorts[key] = struct{}{}
		s.host.PortBindings[key] = []nat.PortBinding{{HostIP: on}} // the engine chooses a free port
	}
}

// targetPorts are the TCP ports of a target: those that it names, else those that the image exposes.
func targetPorts(t target.Target, facts image.Facts) []int {
	if len(t.Ports) > 0 {
		return slices.Compact(slices.Sorted(slices.Values(t.Ports)))
	}
	return facts.Exposed("tcp")
}

// uncovered returns the image's VOLUME paths that the profile does not mount. Docker would put a silent writable volume
// there, which some kubelets' runtimes do as well and others do not.
func uncovered(facts image.Facts, t target.Target, p profile.Profile) []string {
	var out []string
	for _, v := range slices.Sorted(maps.Keys(facts.Config.Config.Volumes)) {
		at := path.Clean("/" + v) // an image may declare "data/"
		if _, ok := p.Mount(at); !ok && !givenVolume(t, at) {
			out = append(out, v)
		}
	}
	return out
}
