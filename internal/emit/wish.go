package emit

import (
	"slices"

	"github.com/podseal/podseal/internal/manifest"
)

// wish works out what must change in one pod for the profiles of its containers: what is looser than proved goes, what
// is as tight or tighter stays, volumes and mounts that serve are used.
type wish struct {
	pod   *manifest.Pod
	edits []Edit

	forValues  bool // for a chart's values: user and seccomp never go to the pod, whose other containers may differ
	podLevel   bool // user and seccomp go to the pod, which has this one container
	security   object
	groups     []int64
	lowPorts   bool
	ping       bool
	fsGroup    int64
	containers map[string]object // edits of containers, by name
	seeds      []any
	volumes    items
	kept       []Change
	why        map[string]string // reasons for fields, for the report

	volumeNames, containerNames nameSet
}

// tree is the edit of the pod's spec.
func (w *wish) tree() (object, error) {
	if err := w.checkEdits(); err != nil {
		return nil, err
	}
	w.prepare()
	for _, c := range w.pod.Containers { // in this order, whatever the order of the edits
		for _, e := range w.edits {
			if e.Container != c.Name {
				continue
			}
			if err := w.container(c, e); err != nil {
				return nil, err
			}
		}
	}
	if err := w.podFields(); err != nil {
		return nil, err
	}
	var tree object
	if w.withoutToken() {
		tree = append(tree, field{"automountServiceAccountToken", false})
	}
	if len(w.security) > 0 {
		tree = append(tree, field{"securityContext", w.security})
	}
	for _, l := range []struct {
		key  string
		init bool
		seed []any
	}{{"initContainers", true, w.seeds}, {"containers", false, nil}} {
		// The seeds go first: the user's own init containers may be sealed too, and then need their folders.
		if i := (items{at: w.itemEdits(l.init), prepend: l.seed}); !i.empty() {
			tree = append(tree, field{l.key, i})
		}
	}
	if !w.volumes.empty() {
		tree = append(tree, field{"volumes", w.volumes})
	}
	return tree, nil
}

// checkEdits refuses edits of containers that are not there, and two of one container.
func (w *wish) checkEdits() error {
	seen := map[string]bool{}
	for _, e := range w.edits {
		if _, ok := w.pod.Container(e.Container); !ok {
			return w.pod.Document.Fail(w.pod.Node, "%s has no container %q", w.pod, e.Container)
		}
		if seen[e.Container] {
			return w.pod.Document.Fail(w.pod.Node, "%s is given two profiles for container %q", w.pod, e.Container)
		}
		seen[e.Container] = true
	}
	return nil
}

// prepare takes the names that are there, and chooses where user and seccomp go.
func (w *wish) prepare() {
	w.containers = map[string]object{}
	w.volumeNames, w.containerNames = nameSet{}, nameSet{}
	for _, v := range w.pod.Spec.Volumes {
		w.volumeNames[v.Name] = true
	}
	for _, name := range w.pod.Claims {
		w.volumeNames[name] = true
	}
	own := 0
	for _, c := range w.pod.Containers {
		w.containerNames[c.Name] = true
		for _, m := range c.VolumeMounts {
			w.volumeNames[m.Name] = true
		}
		if !c.Seed() {
			own++
		}
	}
	w.podLevel = own == 1 && !w.pod.Knative() && !w.forValues
}

func (w *wish) itemEdits(init bool) []itemEdit {
	var out []itemEdit
	for _, c := range w.pod.Containers {
		if e := w.containers[c.Name]; c.Init == init && len(e) > 0 {
			out = append(out, itemEdit{c.Index, e})
		}
	}
	return out
}

// container works out the edit of one container, and what it adds to the pod.
func (w *wish) container(c manifest.Container, e Edit) error {
	var edit object
	if dir := e.Profile.WorkingDir; dir != "" && dir != c.WorkingDir {
		edit = append(edit, field{"workingDir", dir})
	}
	env, err := w.env(c, e)
	if err != nil {
		return err
	}
	if !env.empty() {
		edit = append(edit, field{"env", env})
	}
	if security := w.containerSecurity(c, e); len(security) > 0 {
		edit = append(edit, field{"securityContext", security})
	}
	mounts, err := w.mounts(c, e)
	if err != nil {
		return err
	}
	if !mounts.empty() {
		edit = append(edit, field{"volumeMounts", mounts})
	}
	w.containers[c.Name] = append(w.containers[c.Name], edit...)
	for _, g := range e.Profile.User.Groups {
		if !slices.Contains(w.groups, g) {
			w.groups = append(w.groups, g)
		}
	}
	w.lowPorts = w.lowPorts || e.Profile.LowPorts
	w.ping = w.ping || e.Profile.Ping
	return w.setFSGroup(c, e.Profile.FSGroup)
}

// env sets the profile's own variables.
func (w *wish) env(c manifest.Container, e Edit) (items, error) {
	var out items
	for _, want := range envItems(e.Profile.Env) {
		entry, _ := want.(object) // envItems makes them: a name, then a value
		name, _ := entry[0].val.(string)
		value, _ := entry[1].val.(string)
		at := -1
		for i, have := range c.Env {
			if have.Name == name {
				at = i // of several with one name the last counts
			}
		}
		switch {
		case at < 0:
			out.append = append(out.append, want)
		case c.Env[at].ValueFrom != nil:
			return items{}, w.pod.Document.Fail(c.Node, "container %s of %s takes %s from elsewhere (valueFrom), but the profile needs it to be %q",
				c.Name, w.pod, name, value)
		case c.Env[at].Value != value:
			out.at = append(out.at, itemEdit{at, object{{"value", value}}})
		}
	}
	slices.SortFunc(out.at, func(a, b itemEdit) int { return a.index - b.index })
	return out, nil
}
