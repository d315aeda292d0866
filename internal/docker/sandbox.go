package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/inside"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// podListening are the ports that any container of the pod listens on. It works also while the target does not run.
func (c *running) podListening(ctx context.Context) ([]int, error) {
	sandbox := &running{e: c.e, id: c.sandbox.id, watcher: &observer{}}
	code, out, err := sandbox.Exec(ctx, []string{helperBinary, inside.PauseCommand, inside.ListeningArgument})
	if err == nil && code != 0 {
		err = fmt.Errorf("exited %d: %s", code, strings.TrimSpace(out))
	}
	var ports []int
	for _, word := range strings.Fields(out) {
		port, perr := strconv.Atoi(word)
		err = errors.Join(err, perr)
		ports = append(ports, port)
	}
	if err != nil {
		return nil, fmt.Errorf("looking at what listens in the pod: %w", err)
	}
	return ports, nil
}

// sandbox stands for a pod: a container that holds its network and its IPC, as a kubelet's does, and the pod's volumes.
// All containers of the pod are beside it.
type sandbox struct {
	e       *Engine
	pod     *target.Pod
	id      string
	ip      string
	group   *int64 // fsGroup
	volumes map[string]podVolume
	merged  map[string][]int64 // groups of images, see mergeGroups
}

// makeSandbox makes the sandbox of a target's pod. What is made is removed with c.
func (c *running) makeSandbox(ctx context.Context) error {
	s := &sandbox{e: c.e, pod: c.target.Pod, group: podGroup(c.target, c.profile), volumes: map[string]podVolume{}}
	helper, err := c.e.helper(ctx)
	if err != nil {
		return fmt.Errorf("making the pod's sandbox: %w", err)
	}
	settings := sandboxSettings(c.target, c.profile, helper, c.e.publishOn())
	settings.cfg.Labels = c.e.labels()
	if s.id, err = c.e.create(ctx, "sandbox", settings.cfg, settings.host, helper); err != nil {
		return err
	}
	c.made(func(ctx context.Context) error { return c.e.removeContainer(ctx, s.id) })
	if err := c.e.cli.ContainerStart(ctx, s.id, container.StartOptions{}); err != nil {
		return sandboxError(c.target.Pod, err)
	}
	found, err := c.e.cli.ContainerInspect(ctx, s.id)
	if err != nil {
		return fmt.Errorf("inspecting the pod's sandbox: %w", err)
	}
	s.ip = address(found)
	c.sandbox = s
	if c.profile.Open {
		if err := s.mergeGroups(ctx, c.facts, c.target.User); err != nil {
			return err
		}
	}
	return c.makePodVolumes(ctx)
}

// sandboxSettings are those of a pod's sandbox: it owns what the pod's containers share.
func sandboxSettings(t target.Target, p profile.Profile, helper image.Facts, publishOn string) settings {
	pod := t.Pod
	s := settings{
		cfg: &container.Config{Image: helper.ID, Entrypoint: []string{helperBinary, inside.PauseCommand}, User: "65535:65535"},
		host: &container.HostConfig{
			NetworkMode: container.NetworkMode(t.Network), IpcMode: container.IPCModeShareable, ShmSize: shmSize,
			ReadonlyRootfs: true, CapDrop: []string{"ALL"}, SecurityOpt: []string{"no-new-privileges:true"},
			LogConfig: container.LogConfig{Type: "none"}, Sysctls: map[string]string{},
		},
	}
	if t.Network == "" {
		s.host.NetworkMode = "default"
	}
	if publishes(s.host.NetworkMode) {
		s.cfg.Hostname = hostname(pod.Name)
		publish(s, podPorts(t), publishOn)
	}
	if start := firstPort(t, p); start != "" && !s.host.NetworkMode.IsHost() && !s.host.NetworkMode.IsContainer() {
		s.host.Sysctls[lowPortSysctl] = start
		s.host.Sysctls[pingSysctl] = pingGroups(p.Ping || slices.ContainsFunc(slices.Concat(pod.Before, pod.After), func(m target.Member) bool { return m.Profile.Ping }))
	}
	maps.Copy(s.host.Sysctls, pod.Sysctls)
	return s
}

// lowPortSysctl is the first port that everyone may bind.
const lowPortSysctl = "net.ipv4.ip_unprivileged_port_start"

// pingSysctl is the range of the groups that may send ICMP echoes.
const pingSysctl = "net.ipv4.ping_group_range"

// pingGroups is that range for all groups, or for none: the kernel's own default.
func pingGroups(all bool) string {
	if all {
		return "0 2147483647"
	}
	return "1 0"
}

// firstPort is the first port that everyone may bind in a pod; "" is the engine's own. One that is not sealed yet keeps
// the low ports that it names, unless the target has some itself, whose need of them is to be found out.
func firstPort(t target.Target, p profile.Profile) string {
	low := func(port int) bool { return port < 1024 }
	sealed, open := !p.Open, p.LowPorts
	for _, m := range slices.Concat(t.Pod.Before, t.Pod.After) {
		sealed = sealed || !m.Profile.Open
		open = open || m.Profile.LowPorts || m.Profile.Open && slices.ContainsFunc(m.Target.Ports, low) && !slices.ContainsFunc(t.Ports, low)
	}
	switch {
	case !sealed:
		return ""
	case open:
		return "0"
	}
	return "1024"
}

// podPorts are the ports of all containers of a pod.
func podPorts(t target.Target) []int {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(t.Pod.Ports, t.Ports))))
}

// hostname is the pod's name as a host name, which has at most 63 characters.
func hostname(name string) string {
	if len(name) > 63 {
		name = name[:63]
	}
	return strings.TrimRight(name, "-.")
}

// address is the container's address in its network.
func address(found container.InspectResponse) string {
	if found.NetworkSettings != nil {
		for _, name := range slices.Sorted(maps.Keys(found.NetworkSettings.Networks)) {
			if n := found.NetworkSettings.Networks[name]; n != nil && n.IPAddress != "" {
				return n.IPAddress
			}
		}
	}
	return "127.0.0.1"
}

// sandboxError says what to do about a pod that the engine cannot start.
func sandboxError(pod *target.Pod, err error) error {
	if strings.Contains(err.Error(), "sysctl") {
		var names []string
		for name := range pod.Sysctls {
			names = append(names, name)
		}
		slices.Sort(names)
		return fmt.Errorf("starting the sandbox of %s: the engine refuses one of its sysctls (%s): %w", pod.Original, strings.Join(names, ", "), err)
	}
	return errors.Join(fmt.Errorf("starting the sandbox of %s", pod.Original), startError(err))
}

// join puts a container into the pod: its network, its IPC, and the pod's volumes, with what makeParts made. The
// profile's own mounts stand in place of the pod's.
func (s *sandbox) join(to settings, t target.Target, p profile.Profile, parts map[string]mount.Mount) error {
	to.cfg.Hostname, to.cfg.ExposedPorts = "", nil
	to.host.NetworkMode, to.host.PortBindings = container.NetworkMode("container:"+s.id), nil
	to.host.IpcMode, to.host.ShmSize, to.host.Sysctls = container.IpcMode("container:"+s.id), 0, nil
	for i, v := range to.cfg.Env {
		to.cfg.Env[i] = strings.ReplaceAll(v, target.PodIP, s.ip)
	}
	for i, w := range to.cfg.Entrypoint {
		to.cfg.Entrypoint[i] = strings.ReplaceAll(w, target.PodIP, s.ip)
	}
	for _, m := range t.Mounts {
		if _, own := p.Mount(m.Path); own && !p.Open {
			continue
		}
		made, err := s.mount(m, parts)
		if err != nil {
			return err
		}
		to.host.Mounts = append(to.host.Mounts, made)
	}
	return nil
}

// joinGroups gives a container the groups that its pod has.
func (c *running) joinGroups(to settings) {
	groups := c.podGroups()
	if g := c.fsGroup(); g != nil {
		groups = append(groups, *g)
	}
	for _, g := range groups {
		if text := fmt.Sprint(g); !slices.Contains(to.host.GroupAdd, text) {
			to.host.GroupAdd = append(to.host.GroupAdd, text)
		}
	}
}

// fsGroup is the group of the pod's volumes; nil where there is none, which is not the group 0: that one may write, too.
func (c *running) fsGroup() *int64 {
	if c.sandbox != nil {
		return c.sandbox.group
	}
	return groupIn(c.profile)
}

func groupIn(p profile.Profile) *int64 {
	if p.Open || p.FSGroup == 0 {
		return nil
	}
	return &p.FSGroup
}

// podGroup is the fsGroup of a pod: its own, or the one that a profile in it needs.
func podGroup(t target.Target, p profile.Profile) *int64 {
	group := cmp.Or(t.Pod.FSGroup, groupIn(p))
	for _, m := range slices.Concat(t.Pod.Before, t.Pod.After) {
		group = cmp.Or(group, groupIn(m.Profile))
	}
	return group
}
