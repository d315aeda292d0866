package podrun

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// shmSize is the size of /dev/shm in a pod, and Docker's default, which a daemon may be configured to change.
const shmSize = 64 << 20

// maxLogSize bounds the log file that the engine keeps of a container.
const maxLogSize = "32m"

// openSpec returns the container of the open run: as the image and the target say.
func openSpec(t target.Target, facts image.Facts, publishOn string) (docker.Spec, error) {
	argv := t.Argv(facts.Config.Config.Entrypoint, facts.Config.Config.Cmd)
	if len(argv) == 0 {
		return docker.Spec{}, &docker.ImageError{Ref: facts.Ref, Text: "it has neither ENTRYPOINT nor CMD: set a command in the manifest, or with --entrypoint and --arg"}
	}
	s := docker.Spec{
		Image: facts, Entrypoint: argv, User: t.User, WorkingDir: t.WorkingDir, Env: environment(t.Env, nil),
		Network: t.Network, Alias: t.Alias, PublishOn: publishOn, ShmSize: shmSize, MaxLogSize: maxLogSize,
		Add: slices.Clone(t.AddCapabilities), Memory: t.Memory,
	}
	if s.Publishes() {
		s.Ports = append(ports("tcp", targetPorts(t, facts)), ports("udp", facts.Exposed("udp"))...)
	}
	return s, nil
}

// sealedSpec returns the container of a sealed run: as a kubelet would start it under the profile.
func sealedSpec(t target.Target, facts image.Facts, p profile.Profile, mounts []mounted, publishOn string) (docker.Spec, error) {
	s, err := openSpec(t, facts, publishOn)
	if err != nil {
		return s, err
	}
	s.Env = environment(t.Env, p.Env)
	if p.WorkingDir != "" {
		s.WorkingDir = p.WorkingDir
	}
	s = restrict(s, p)
	for _, m := range mounts {
		s.Mounts = append(s.Mounts, docker.Mount{Source: m.source(), Target: m.Path})
	}
	return s, nil
}

// initSpec returns the init container of a mount, in the image of the facts.
func initSpec(facts image.Facts, p profile.Profile, m mounted) docker.Spec {
	return restrict(docker.Spec{
		Image: facts, Entrypoint: p.Seeding.Command(m.Mount), Network: "none",
		Mounts: []docker.Mount{{Source: m.volume.Name, Target: m.SeedVolumePath()}},
	}, p)
}

// restrict applies what is the same for all containers of a sealed pod.
func restrict(s docker.Spec, p profile.Profile) docker.Spec {
	s.User = fmt.Sprintf("%d:%d", p.User.UID, p.User.GID)
	for _, g := range p.User.Groups {
		// A kubelet keeps the image's groups of a user with an explicit group, Docker drops them.
		s.Groups = append(s.Groups, strconv.FormatInt(g, 10))
	}
	s.ReadOnly = !p.WritableRoot
	s.DropAll = true
	s.Add = slices.Clone(p.AddCapabilities)
	if !p.AllowPrivilegeEscalation {
		s.SecurityOpt = []string{"no-new-privileges:true"}
	}
	if !s.SharesNetwork() {
		// Docker opens low ports and ICMP echoes to everyone, older kubelets' runtimes do not.
		start := "1024"
		if p.LowPorts {
			start = "0"
		}
		s.Sysctls = map[string]string{lowPortSysctl: start, pingSysctl: pingGroups(p.Ping)}
	}
	return s
}

// environment returns the target's environment, overridden by the profile's, each name once, in a stable order.
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

func ports(protocol string, numbers []int) []docker.Port {
	var out []docker.Port
	for _, n := range numbers {
		out = append(out, docker.Port{Number: n, Protocol: protocol})
	}
	return out
}

// targetPorts returns the TCP ports that a target names, else those that the image exposes.
func targetPorts(t target.Target, facts image.Facts) []int {
	if len(t.Ports) > 0 {
		return slices.Compact(slices.Sorted(slices.Values(t.Ports)))
	}
	return facts.Exposed("tcp")
}

// published returns where the TCP and UDP ports of a container are reached. network is the status of the container that
// owns the network.
func published(t target.Target, facts image.Facts, network docker.Status) (tcp, udp map[int]int) {
	if !network.HostNetwork {
		return network.TCP, network.UDP
	}
	same := func(numbers []int) map[int]int {
		out := map[int]int{}
		for _, n := range numbers {
			out[n] = n
		}
		return out
	}
	open := targetPorts(t, facts)
	if t.Pod != nil {
		open = podPorts(t)
	}
	return same(open), same(facts.Exposed("udp"))
}
