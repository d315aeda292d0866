package emit

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/podspec"
	"github.com/podseal/podseal/internal/tree"
	"github.com/podseal/podseal/internal/yamledit"
)

// helmNotice heads all values.
const helmNotice = `# Values for a chart that has the common keys podSecurityContext, securityContext, extraVolumes, extraVolumeMounts and
# initContainers. Charts differ: compare with the chart's own values.yaml, and read the output of helm template.
`

// HelmValues writes sealed containers as values for a chart: one document for each pod, or for an image. A setting that has
// no common key is noted.
func HelmValues(all []Input) (View, error) {
	var out View
	var docs [][]byte
	for _, group := range groupByPod(all) {
		var values tree.Object
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
		docs = append(docs, append([]byte(head+commented(notes)), yamledit.Text(values)...))
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

// imageValues returns the values for an image without a manifest.
func imageValues(in Input) (tree.Object, error) {
	p := in.Profile
	if p.Open {
		return nil, fmt.Errorf("writing the profile of %s: it is the unrestricted one, which is never written", in.Target.Image)
	}
	security := podspec.FullSecurity(p, nil)
	seeding := podspec.Seeding{AppImage: cmp.Or(in.Facts.Digest, in.Target.Image), Seeding: p.Seeding, Security: security}
	l, err := podspec.LayOut(p.Mounts, seeding, podspec.Names{}, podspec.Names{})
	if err != nil {
		return nil, fmt.Errorf("writing values: %w", err)
	}
	values := tree.Object{}.AppendObject("podSecurityContext", podspec.PodOnly(p.User.Groups, p.FSGroup, podspec.Sysctls(p.LowPorts, p.Ping)))
	values = append(values, tree.Field{Key: "securityContext", Value: security})
	values = values.AppendList("extraVolumes", l.Volumes)
	values = values.AppendList("extraVolumeMounts", l.Mounts)
	return values.AppendList("initContainers", l.Seeds), nil
}

// podValues returns the values for the containers of one pod: flat for one, below their names for several.
func podValues(group []Input) (values tree.Object, notes []string, err error) {
	pod := group[0].Pod
	var edits []Edit
	for _, in := range group {
		edits = append(edits, Edit{Pod: pod, Container: in.Name, Profile: in.Profile})
	}
	delta, err := podspec.SealContainers(desired(pod, edits))
	if err != nil {
		return nil, nil, placed(pod, err)
	}
	values = values.AppendObject("podSecurityContext", delta.PodOnly)
	for _, in := range group {
		c, _ := pod.Container(in.Name) // SealContainers has refused one that does not exist
		own := tree.Object{{Key: "securityContext", Value: podspec.FullSecurity(in.Profile, c.SecurityContext)}}
		mounts, _ := delta.Containers[in.Name].Get("volumeMounts").(tree.Items)
		own = own.AppendList("extraVolumeMounts", mounts.Append)
		if len(group) == 1 {
			values = append(values, own...)
		} else {
			values = append(values, tree.Field{Key: in.Name, Value: own})
		}
		notes = append(notes, unsaidByValues(in, delta.Containers[in.Name], in.Name)...)
	}
	if len(group) > 1 {
		notes = append(notes, fmt.Sprintf("%s has several containers: each one's values stand below its name; move them to the chart's keys for it", pod))
	}
	notes = append(notes, volumeNotes(pod, delta.Volumes)...)
	values = values.AppendList("extraVolumes", delta.Volumes.Append)
	return values.AppendList("initContainers", delta.Seeds), notes, nil
}

// volumeNotes says what must change in the chart's own volumes.
func volumeNotes(pod *manifest.Pod, edit tree.Items) []string {
	var notes []string
	for _, at := range edit.At {
		name := pod.Spec.Volumes[at.Index].Name
		emptyDir, _ := at.Edit.Get("emptyDir").(tree.Object)
		if emptyDir.Get("medium") != nil {
			notes = append(notes, fmt.Sprintf("the chart's own volume %s must be an emptyDir in memory (medium: Memory)", name))
		}
		if limit := emptyDir.Get("sizeLimit"); limit != nil {
			notes = append(notes, fmt.Sprintf("the chart's own volume %s should have the sizeLimit %s", name, limit))
		}
	}
	return notes
}

// unsaidByValues returns what of a profile, or of the edit that it makes of a manifest's container, no common key takes.
func unsaidByValues(in Input, edit tree.Object, name string) []string {
	var notes []string
	note := func(format string, args ...any) { notes = append(notes, name+": "+fmt.Sprintf(format, args...)) }
	c, inPod := in.container()
	if dir := in.Profile.WorkingDir; dir != "" && dir != c.WorkingDir {
		note("the seal needs workingDir %s, for which charts have no common key", dir)
	}
	for _, k := range slices.Sorted(maps.Keys(in.Profile.Env)) {
		note("the seal needs the variable %s=%s, for which the key differs from chart to chart (env, extraEnv, extraEnvVars)", k, in.Profile.Env[k])
	}
	mounts, _ := edit.Get("volumeMounts").(tree.Items)
	for _, at := range mounts.At {
		note("the chart's own mount at %s must have a subPath %v", c.VolumeMounts[at.Index].MountPath, at.Edit.Get("subPath"))
	}
	if inPod && c.Init {
		note("this is an init container of the chart: its values belong where the chart has those of this one")
	}
	return notes
}
