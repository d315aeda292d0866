package podrun

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/inside"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/tracehost"
)

// sandbox stands for a pod: a container that holds its network and its IPC, as a kubelet's does, and the pod's volumes.
// All containers of the pod join it.
type sandbox struct {
	e       *Engine
	pod     *target.Pod
	box     *docker.Container
	ip      string
	group   *int64 // fsGroup
	volumes map[string]podVolume
	merged  map[string][]int64 // groups of images, see mergeGroups
}

// newSandbox makes the sandbox of a target's pod, with the pod's volumes.
func (e *Engine) newSandbox(ctx context.Context, t target.Target, facts image.Facts, p profile.Profile, undo *cleanup) (*sandbox, error) {
	s := &sandbox{
		e: e, pod: t.Pod, group: podGroup(t, p), volumes: map[string]podVolume{}, merged: map[string][]int64{},
	}
	box, err := e.helper.Create(ctx, "sandbox", sandboxSpec(t, p, e.client.PublishAddress()))
	if err != nil {
		return nil, fmt.Errorf("making the pod's sandbox: %w", err)
	}
	s.box = box
	undo.add(box.Remove)
	if err := box.Start(ctx); err != nil {
		return nil, sandboxError(t.Pod, err)
	}
	status, err := box.Status(ctx)
	if err != nil {
		return nil, err
	}
	s.ip = status.IP
	if p.Open {
		if err := s.mergeGroups(ctx, facts, t.User); err != nil {
			return nil, err
		}
	}
	return s, s.makeVolumes(ctx, t, facts, s.sharesClaims(t, facts, p), undo)
}

// listening returns the TCP ports that any container of the pod listens on. It works also while the target does not run.
func (s *sandbox) listening(ctx context.Context) ([]int, error) {
	code, out, err := s.box.Exec(ctx, []string{tracehost.HelperProgram, inside.PauseCommand, inside.ListeningArgument}, docker.ExecNotices{})
	if err == nil && code != 0 {
		err = fmt.Errorf("exited %d: %s", code, strings.TrimSpace(out))
	}
	var found []int
	for _, word := range strings.Fields(out) {
		port, perr := strconv.Atoi(word)
		err = errors.Join(err, perr)
		found = append(found, port)
	}
	if err != nil {
		return nil, fmt.Errorf("listing the listening ports of the pod: %w", err)
	}
	return found, nil
}

// sandboxSpec returns the container of a pod's sandbox: it owns what the pod's containers share.
func sandboxSpec(t target.Target, p profile.Profile, publishOn string) docker.Spec {
	pod := t.Pod
	s := docker.Spec{
		Entrypoint: []string{tracehost.HelperProgram, inside.PauseCommand}, User: "65535:65535",
		Network: t.Network, Alias: t.Alias, PublishOn: publishOn, IPC: "shareable", ShmSize: shmSize,
		ReadOnly: true, DropAll: true, SecurityOpt: []string{"no-new-privileges:true"}, NoLog: true, Sysctls: map[string]string{},
	}
	if s.Publishes() {
		s.Hostname, s.Hosts = hostname(pod.Name), pod.Hosts
		s.Ports = ports("tcp", podPorts(t))
	}
	if start := firstPort(t, p); start != "" && !s.SharesNetwork() {
		s.Sysctls[lowPortSysctl] = start
		s.Sysctls[pingSysctl] = pingGroups(p.Ping || slices.ContainsFunc(podMembers(pod), func(m target.Member) bool { return m.Profile.Ping }))
	}
	maps.Copy(s.Sysctls, pod.Sysctls)
	return s
}

func podMembers(pod *target.Pod) []target.Member { return slices.Concat(pod.Before, pod.After) }

// lowPortSysctl is the first port that everyone may bind.
const lowPortSysctl = "net.ipv4.ip_unprivileged_port_start"

// pingSysctl is the range of the groups that may send ICMP echoes.
const pingSysctl = "net.ipv4.ping_group_range"

// pingGroups returns that range for all groups, or for none: the kernel's own default.
func pingGroups(all bool) string {
	if all {
		return "0 2147483647"
	}
	return "1 0"
}

// firstPort returns the first port that everyone may bind in a pod; "" is the engine's own. A container that is not sealed
// yet keeps the low ports that it names, unless the target has some itself, whose need of them is to be found out.
func firstPort(t target.Target, p profile.Profile) string {
	low := func(port int) bool { return port < 1024 }
	sealed, open := !p.Open, p.LowPorts
	for _, m := range podMembers(t.Pod) {
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

// podPorts returns the ports of all containers of a pod.
func podPorts(t target.Target) []int {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(t.Pod.Ports, t.Ports))))
}

// hostname returns the pod's name as a host name, which has at most 63 characters.
func hostname(name string) string {
	if len(name) > 63 {
		name = name[:63]
	}
	return strings.TrimRight(name, "-.")
}

// sandboxError says what to do about a pod that the engine cannot start. The engine has no type for a refused sysctl.
func sandboxError(pod *target.Pod, err error) error {
	if strings.Contains(err.Error(), "sysctl") {
		names := slices.Sorted(maps.Keys(pod.Sysctls))
		return fmt.Errorf("starting the sandbox of %s: the engine refuses one of its sysctls (%s): %w", pod.Original, strings.Join(names, ", "), err)
	}
	return fmt.Errorf("starting the sandbox of %s: %w", pod.Original, err)
}

// join returns a container's spec with the pod's network, IPC and volumes. parts are the sub-paths that it mounts. The
// profile's own mounts replace the pod's.
func (s *sandbox) join(to docker.Spec, t target.Target, p profile.Profile, parts map[string]docker.Mount) (docker.Spec, error) {
	to.Hostname, to.Alias, to.Ports, to.Sysctls, to.ShmSize = "", "", nil, nil, 0
	to.Network, to.IPC = "container:"+s.box.ID, "container:"+s.box.ID
	for i, v := range to.Env {
		to.Env[i] = strings.ReplaceAll(v, target.PodIP, s.ip)
	}
	for i, w := range to.Entrypoint {
		to.Entrypoint[i] = strings.ReplaceAll(w, target.PodIP, s.ip)
	}
	for _, m := range t.Mounts {
		if _, own := p.Mount(m.Path); own && !p.Open {
			continue
		}
		made, err := s.mount(m, parts)
		if err != nil {
			return to, err
		}
		to.Mounts = append(to.Mounts, made)
	}
	return to, nil
}

// groupOf returns the fsGroup of a profile; nil where there is none, which is not the group 0: that one may write, too.
func groupOf(p profile.Profile) *int64 {
	if p.Open || p.FSGroup == 0 {
		return nil
	}
	return &p.FSGroup
}

// podGroup returns the fsGroup of a pod: its own, or the one that a profile in it needs.
func podGroup(t target.Target, p profile.Profile) *int64 {
	group := cmp.Or(t.Pod.FSGroup, groupOf(p))
	for _, m := range podMembers(t.Pod) {
		group = cmp.Or(group, groupOf(m.Profile))
	}
	return group
}
