package emit

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// helmNotice heads all values.
const helmNotice = `# Values for a chart that has the common keys podSecurityContext, securityContext, extraVolumes, extraVolumeMounts and
# initContainers. Charts differ: compare with the chart's own values.yaml, and look at what helm template makes of it.
`

// HelmValues writes sealed containers as values for a chart: one document for each pod, or for an image. What the common
// keys cannot say is noted.
func HelmValues(all []Input) (View, error) {
	var out View
	var docs [][]byte
	for _, group := range groupByPod(all) {
		var values object
		var notes []string
		var err error
		title := ""
		if pod := group[0].Pod; pod != nil {
			title = objectName(pod)
			values, notes, err = podValues(group)
		} else {
			values, err = imageValues(group[0])
			notes = unsaidByValues(group[0], nil, cmp.Or(group[0].Name, Name(group[0].Target.Image)))
		}
		if err != nil {
			return View{}, err
		}
		head := helmNotice
		if title != "" && len(all) > 1 {
			head = "# " + comment(title) + "\n" + head
		}
		docs = append(docs, append([]byte(head+commented(notes)), document(values)...))
		out.Notes = append(out.Notes, notes...)
	}
	out.Text = Join(docs)
	return out, nil
}

// groupByPod puts the containers of one pod together.
func groupByPod(all []Input) [][]Input {
	var out [][]Input
	for _, in := range all {
		if last := len(out) - 1; last >= 0 && in.Pod != nil && out[last][0].Pod == in.Pod {
			out[last] = append(out[last], in)
			continue
		}
		out = append(out, []Input{in})
	}
	return out
}

// imageValues are the values for an image that was given alone.
func imageValues(in Input) (object, error) {
	if in.Profile.Open {
		return nil, fmt.Errorf("writing the profile of %s: it is the unrestricted one, which is never written", in.Target.Image)
	}
	security := fullSecurity(in, nil)
	image := cmp.Or(in.Facts.Digest, in.Target.Image)
	l, err := layOut(in.Profile.Mounts, seeding{image: image, Seeding: in.Profile.Seeding}, security, nameSet{}, nameSet{})
	if err != nil {
		return nil, fmt.Errorf("writing values: %w", err)
	}
	values := appendObject(nil, "podSecurityContext", podOnly(in.Profile.User.Groups, in.Profile.FSGroup, sysctls(in.Profile.LowPorts, in.Profile.Ping)))
	values = append(values, field{"securityContext", security})
	values = appendList(values, "extraVolumes", l.volumes)
	values = appendList(values, "extraVolumeMounts", l.mounts)
	return appendList(values, "initContainers", l.seeds), nil
}

// podValues are the values for the containers of one pod: flat for one, below their names for several.
func podValues(group []Input) (values object, notes []string, err error) {
	pod := group[0].Pod
	w := wish{pod: pod, forValues: true}
	for _, in := range group {
		if in.Profile.Open {
			return nil, nil, fmt.Errorf("writing the profile of container %s: it is the unrestricted one, which is never written", in.Name)
		}
		w.edits = append(w.edits, Edit{Pod: pod, Container: in.Name, Profile: in.Profile})
	}
	if _, err := w.tree(); err != nil {
		return nil, nil, err
	}
	values = appendObject(nil, "podSecurityContext", podOnly(w.groups, w.fsGroup, sysctls(w.lowPorts, w.ping)))
	for _, in := range group {
		c, _ := pod.Container(in.Name) // tree has refused what is not there
		own := object{{"securityContext", fullSecurity(in, c.SecurityContext)}}
		mounts, _ := lookup(w.containers[in.Name], "volumeMounts").(items)
		own = appendList(own, "extraVolumeMounts", mounts.append)
		if len(group) == 1 {
			values = append(values, own...)
		} else {
			values = append(values, field{in.Name, own})
		}
		notes = append(notes, unsaidByValues(in, w.containers[in.Name], in.Name)...)
	}
	if len(group) > 1 {
		notes = append(notes, fmt.Sprintf("%s has several containers: each one's values stand below its name; move them to the chart's keys for it", pod))
	}
	for _, at := range w.volumes.at {
		notes = append(notes, fmt.Sprintf("the chart's own volume %s must be an emptyDir in memory (medium: Memory)", pod.Spec.Volumes[at.index].Name))
	}
	values = appendList(values, "extraVolumes", w.volumes.append)
	return appendList(values, "initContainers", w.seeds), notes, nil
}

// fullSecurity is the whole securityContext of a container: a chart's users see in one place what it may do. A seccomp
// profile of its own stays.
func fullSecurity(in Input, have *corev1.SecurityContext) object {
	user := userSecurity(in.Profile)
	if have != nil && have.SeccompProfile != nil && have.SeccompProfile.LocalhostProfile != nil {
		user[len(user)-1].val = object{{"type", string(have.SeccompProfile.Type)}, {"localhostProfile", *have.SeccompProfile.LocalhostProfile}}
	}
	container := slices.DeleteFunc(containerSecurity(in.Profile), func(f field) bool { return f.key == "runAsNonRoot" })
	full := slices.Concat(user, container)
	if have != nil && isTrue(have.Privileged) {
		full = append(full, field{"privileged", false})
	}
	return full
}

// podOnly are the fields that only a pod has.
func podOnly(groups []int64, fsGroup int64, needed []sysctl) object {
	var o object
	if len(groups) > 0 {
		o = append(o, field{"supplementalGroups", list(slices.Sorted(slices.Values(groups)))})
	}
	if fsGroup != 0 {
		o = append(o, field{"fsGroup", fsGroup})
	}
	return appendList(o, "sysctls", sysctlItems(needed))
}

func appendObject(o object, key string, value object) object {
	if len(value) == 0 {
		return o
	}
	return append(o, field{key, value})
}

// unsaidByValues is what of a profile, or of the edit that it makes of a manifest's container, no common key takes.
func unsaidByValues(in Input, edit object, name string) []string {
	var notes []string
	note := func(format string, args ...any) { notes = append(notes, name+": "+fmt.Sprintf(format, args...)) }
	c, inPod := in.container()
	if dir := in.Profile.WorkingDir; dir != "" && dir != c.WorkingDir {
		note("the seal needs workingDir %s, for which charts have no common key", dir)
	}
	for _, k := range slices.Sorted(maps.Keys(in.Profile.Env)) {
		note("the seal needs the variable %s=%s, for which the key differs from chart to chart (env, extraEnv, extraEnvVars)", k, in.Profile.Env[k])
	}
	mounts, _ := lookup(edit, "volumeMounts").(items)
	for _, at := range mounts.at {
		note("the chart's own mount at %s must have a subPath %v", c.VolumeMounts[at.index].MountPath, lookup(at.edit, "subPath"))
	}
	if inPod && c.Init {
		note("this is an init container of the chart: its values belong where the chart has those of this one")
	}
	return notes
}
