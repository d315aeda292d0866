package emit

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/podspec"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/yamledit"
)

// Edit is the profile of one container of a parsed manifest file.
type Edit struct {
	Pod       *manifest.Pod
	Container string
	Profile   profile.Profile

	// NoToken says that nothing showed this container to use the API. When all edits of a pod say so, and the pod names
	// no service account, it gets no token.
	NoToken bool
	// TokenWhy is what showed, or did not show, that the container uses the API.
	TokenWhy string
}

// Change is one difference that a splice made, or found unnecessary.
type Change struct {
	Action string `json:"action"` // "added", "replaced", "removed", or "kept" for what serves as it is
	File   string `json:"file"`
	Line   int    `json:"line"`   // of the original file
	Object string `json:"object"` // "Deployment web"
	Field  string `json:"field"`  // in the pod's spec: "containers[0].securityContext.runAsUser"
	Old    string `json:"old,omitempty"`
	New    string `json:"new,omitempty"`
	Why    string `json:"why,omitempty"`

	Pod       *manifest.Pod `json:"-"`
	Container string        `json:"-"` // empty for a change of the whole pod
}

// Report says what a splice did, in the order of the file's pods.
type Report struct {
	Changes []Change `json:"changes"`

	patches []yamledit.Patch // of the file, in its order
}

// Splice writes profiles into the bytes of a manifest. Every byte outside what the seal adds or replaces is kept, and a
// second splice of the same profiles changes nothing.
//
// The result is parsed again: it must have exactly the manifest's value with the wanted edits. Where it does not, or where
// a profile cannot be written into the pod, the error has the line and the reason.
func Splice(file *manifest.File, edits []Edit) ([]byte, Report, error) {
	byPod := byPods(edits)
	groups := groupByDocument(file.Pods)
	reports := make([]Report, len(groups)) // of a document each
	errs := make([]error, len(groups))
	manifest.Each(len(groups), func(i int) {
		reports[i], errs[i] = spliceDocument(groups[i], byPod)
	})
	var report Report
	for i, r := range reports {
		if errs[i] != nil {
			return nil, Report{}, errs[i]
		}
		report.Changes = append(report.Changes, r.Changes...)
		report.patches = append(report.patches, r.patches...)
	}
	out, err := yamledit.Apply(file.Source, report.patches)
	if err != nil {
		return nil, Report{}, fmt.Errorf("splicing %s: %w", file.Name, err)
	}
	return out, report, nil
}

// byPods returns the edits of each pod.
func byPods(edits []Edit) map[*manifest.Pod][]Edit {
	out := map[*manifest.Pod][]Edit{}
	for _, e := range edits {
		out[e.Pod] = append(out[e.Pod], e)
	}
	return out
}

// groupByDocument splits the pods of a file into those of each document.
func groupByDocument(pods []*manifest.Pod) [][]*manifest.Pod {
	var groups [][]*manifest.Pod
	for i, pod := range pods {
		if i == 0 || pods[i-1].Document != pod.Document {
			groups = append(groups, nil)
		}
		last := len(groups) - 1
		groups[last] = append(groups[last], pod)
	}
	return groups
}

// spliceDocument edits all pods of one document.
func spliceDocument(pods []*manifest.Pod, edits map[*manifest.Pod][]Edit) (Report, error) {
	editor := pods[0].Document.NewEditor()
	_, report, err := editPods(editor, pods, edits)
	if err != nil {
		return Report{}, err
	}
	report.patches, err = editor.Patches()
	return report, err
}

// editPods adds the edits of all pods of one document to an editor. It returns the pods that change.
func editPods(editor *yamledit.Editor, pods []*manifest.Pod, edits map[*manifest.Pod][]Edit) ([]podEdit, Report, error) {
	var out []podEdit
	var report Report
	for _, pod := range pods {
		if len(edits[pod]) == 0 {
			continue
		}
		delta, err := sealed(pod, edits[pod])
		if err != nil {
			return nil, Report{}, placed(pod, err)
		}
		changes := keptChanges(pod, delta.Kept)
		edit, err := pod.InPlace(delta.Edit)
		if err != nil {
			return nil, Report{}, err
		}
		if len(edit) > 0 {
			out = append(out, podEdit{pod: pod, edit: edit})
			made, err := editor.Edit(yamledit.Place{Path: pod.Steps(), Node: pod.Node, Edit: edit, Style: pod.Document.StyleOf(pod.Node, "containers")})
			if err != nil {
				return nil, Report{}, fmt.Errorf("sealing %s: %w", pod, err)
			}
			for _, c := range made {
				changes = append(changes, Change{Action: c.Action, Line: c.Line, Field: c.Path, Old: c.Old, New: c.New})
			}
		}
		for _, c := range changes {
			c.File, c.Object, c.Pod = pod.Document.File, pod.String(), pod
			c.Container = cmp.Or(c.Container, containerAt(pod, c.Field))
			c.Why = cmp.Or(c.Why, delta.Why[c.Field])
			report.Changes = append(report.Changes, c)
		}
	}
	return out, report, nil
}

// sealed returns what must change in a pod. Where a controller adds containers, user and seccomp are never set on the pod.
func sealed(pod *manifest.Pod, edits []Edit) (podspec.Delta, error) {
	p, profiles := desired(pod, edits)
	if pod.Controller() != nil {
		return podspec.SealContainers(p, profiles)
	}
	return podspec.Seal(p, profiles)
}

// desired returns a pod and its profiles as podspec takes them.
func desired(pod *manifest.Pod, edits []Edit) (podspec.Pod, []podspec.Sealed) {
	p := podspec.Pod{Title: pod.String(), Spec: pod.Spec, Claims: pod.Claims, NoInit: pod.Knative()}
	if by := pod.Controller(); by != nil && !by.PodFields {
		p.Limited = by.Name
	} else if pod.Knative() {
		p.Limited = "Knative"
	}
	for _, c := range pod.Containers {
		p.Containers = append(p.Containers, podspec.Container{Container: c.Container, Init: c.Init, Index: c.Index, Seed: c.Seed()})
	}
	var sealed []podspec.Sealed
	for _, e := range edits {
		sealed = append(sealed, podspec.Sealed{Container: e.Container, Profile: e.Profile, NoToken: e.NoToken, TokenWhy: e.TokenWhy})
	}
	return p, sealed
}

// placed returns a refusal of podspec with the line of the container or the pod.
func placed(pod *manifest.Pod, err error) error {
	var refusal *podspec.Error
	if !errors.As(err, &refusal) {
		return err
	}
	node := pod.Node
	if c, ok := pod.Container(refusal.Container); ok {
		node = c.Node
	}
	return pod.Document.Fail(node, "%s", refusal.Reason)
}

// keptChanges returns what serves as it is, as changes of a report.
func keptChanges(pod *manifest.Pod, kept []podspec.Kept) []Change {
	var out []Change
	for _, k := range kept {
		c := Change{Action: "kept", Line: pod.Document.Line(pod.Node), Field: k.Field, Container: k.Container, Old: k.Have, Why: k.Why}
		if container, ok := pod.Container(k.Container); ok {
			c.Line, c.Field = container.Line, container.Steps[0].Key+"."+container.Name+"."+k.Field
		}
		out = append(out, c)
	}
	return out
}

// containerAt returns the name of the container that a field belongs to: "containers[0].image".
func containerAt(pod *manifest.Pod, path string) string {
	place, _, _ := strings.Cut(path, ".")
	i := slices.IndexFunc(pod.Containers, func(c manifest.Container) bool { return place == yamledit.FormatPath(c.Steps) })
	if i < 0 {
		return ""
	}
	return pod.Containers[i].Name
}
