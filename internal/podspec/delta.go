package podspec

import (
	"fmt"
	"slices"

	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/tree"
)

// Delta is what must change in one pod for the profiles of its containers. Fields that are looser than the profile change.
// Those that are as tight or tighter are kept, and volumes and mounts that serve are used.
type Delta struct {
	Edit tree.Object // of the pod's spec; empty if the pod is sealed

	// The parts of Edit, for formats that have other places for them.
	Containers map[string]tree.Object // edits of containers, by name
	Volumes    tree.Items
	Seeds      []any // the new init containers
	PodOnly    tree.Object

	Kept []Kept
	Why  map[string]string // reasons for fields of Edit, by their paths
}

// Seal returns the delta for the profiles of a pod's containers. A profile that the pod cannot have is an *Error.
func Seal(pod Pod, sealed []Sealed) (Delta, error) { return seal(delta{pod: pod, sealed: sealed}) }

// SealContainers returns the delta, as Seal does, for a pod whose other containers are not known, such as that of a chart: user and seccomp are
// set on the containers, never on the pod.
func SealContainers(pod Pod, sealed []Sealed) (Delta, error) {
	return seal(delta{pod: pod, sealed: sealed, containersOnly: true})
}

// delta is a Delta in the making.
type delta struct {
	Delta
	pod            Pod
	sealed         []Sealed
	containersOnly bool

	podLevel bool        // user and seccomp go to the pod, which has this one container
	security tree.Object // edit of the pod's securityContext
	groups   []int64
	lowPorts bool
	ping     bool
	fsGroup  int64

	sizeLimits map[int]int64 // that volumes of the pod get, by index

	volumeNames, containerNames Names
}

func fail(c Container, format string, args ...any) error {
	return &Error{c.Name, fmt.Sprintf(format, args...)}
}

func failPod(format string, args ...any) error { return &Error{"", fmt.Sprintf(format, args...)} }

func seal(d delta) (Delta, error) {
	if err := d.check(); err != nil {
		return Delta{}, err
	}
	d.prepare()
	for _, c := range d.pod.Containers { // in this order, whatever the order of the profiles
		for _, s := range d.sealed {
			if s.Container != c.Name {
				continue
			}
			if err := d.container(c, s); err != nil {
				return Delta{}, err
			}
		}
	}
	if err := d.podFields(); err != nil {
		return Delta{}, err
	}
	d.PodOnly = PodOnly(d.groups, d.fsGroup, Sysctls(d.lowPorts, d.ping))
	if d.withoutToken() {
		d.Edit = append(d.Edit, tree.Field{Key: tokenField, Value: false})
	}
	d.Edit = d.Edit.AppendObject("securityContext", d.security)
	// The seeds go first: the user's own init containers may be sealed too, and then need their folders.
	d.appendItems("initContainers", tree.Items{At: d.itemEdits(true), Prepend: d.Seeds})
	d.appendItems("containers", tree.Items{At: d.itemEdits(false)})
	d.appendItems("volumes", d.Volumes)
	return d.Delta, nil
}

func (d *delta) appendItems(key string, items tree.Items) {
	if !items.Empty() {
		d.Edit = append(d.Edit, tree.Field{Key: key, Value: items})
	}
}

// check refuses the unrestricted profile, containers that the pod does not have, and two profiles for one container.
func (d *delta) check() error {
	seen := map[string]bool{}
	for _, s := range d.sealed {
		c, ok := d.pod.container(s.Container)
		switch {
		case s.Profile.Open:
			return failPod("writing the profile of container %s: it is the unrestricted one, which is never written", s.Container)
		case !ok:
			return failPod("%s has no container %q", d.pod.Title, s.Container)
		case seen[s.Container]:
			return failPod("%s is given two profiles for container %q", d.pod.Title, s.Container)
		}
		for _, m := range s.Profile.Mounts {
			if err := CheckMountPath(m.Path); err != nil {
				return fail(c, "container %s of %s: %v", c.Name, d.pod.Title, err)
			}
		}
		seen[s.Container] = true
	}
	return nil
}

// prepare collects the names that are taken, and chooses where user and seccomp go.
func (d *delta) prepare() {
	d.Containers = map[string]tree.Object{}
	d.volumeNames, d.containerNames, d.sizeLimits = Names{}, Names{}, map[int]int64{}
	for _, v := range d.pod.Spec.Volumes {
		d.volumeNames[v.Name] = true
	}
	for _, name := range d.pod.Claims {
		d.volumeNames[name] = true
	}
	own := 0
	for _, c := range d.pod.Containers {
		d.containerNames[c.Name] = true
		for _, m := range c.VolumeMounts {
			d.volumeNames[m.Name] = true
		}
		if !c.Seed {
			own++
		}
	}
	d.podLevel = own == 1 && d.pod.Limited == "" && !d.containersOnly
}

func (d *delta) itemEdits(init bool) []tree.ItemEdit {
	var out tree.Items
	for _, c := range d.pod.Containers {
		if edit := d.Containers[c.Name]; c.Init == init && len(edit) > 0 {
			out.Change(c.Index, edit)
		}
	}
	return out.At
}

// container adds the edit of one container, and what its profile adds to the pod.
func (d *delta) container(c Container, s Sealed) error {
	var edit tree.Object
	if dir := s.Profile.WorkingDir; dir != "" && dir != c.WorkingDir {
		edit = append(edit, tree.Field{Key: "workingDir", Value: dir})
	}
	env, err := d.editEnv(c, s)
	if err != nil {
		return err
	}
	if !env.Empty() {
		edit = append(edit, tree.Field{Key: "env", Value: env})
	}
	edit = edit.AppendObject("securityContext", d.editSecurity(c.SecurityContext, s.Profile))
	mounts, err := d.editMounts(c, s)
	if err != nil {
		return err
	}
	if !mounts.Empty() {
		edit = append(edit, tree.Field{Key: "volumeMounts", Value: mounts})
	}
	d.Containers[c.Name] = append(d.Containers[c.Name], edit...)
	for _, g := range s.Profile.User.Groups {
		if !slices.Contains(d.groups, g) {
			d.groups = append(d.groups, g)
		}
	}
	d.lowPorts = d.lowPorts || s.Profile.LowPorts
	d.ping = d.ping || s.Profile.Ping
	return d.setFSGroup(c, s.Profile.FSGroup)
}

// setFSGroup sets the one group of the pod's volumes.
func (d *delta) setFSGroup(c Container, group int64) error {
	if group == 0 || group == d.fsGroup {
		return nil
	}
	if d.fsGroup != 0 {
		return fail(c, "%s: its containers need the groups %d and %d on its volumes, but a pod has one fsGroup: let them run as one group", d.pod.Title, d.fsGroup, group)
	}
	d.fsGroup = group
	return nil
}

// profileOf returns the profile of a container.
func profileOf(sealed []Sealed, name string) (profile.Profile, bool) {
	for _, s := range sealed {
		if s.Container == name {
			return s.Profile, true
		}
	}
	return profile.Profile{}, false
}
