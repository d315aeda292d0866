package emit

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/yamledit"
)

// GCPercent is how much garbage a process should let grow while it splices a source of some bytes, as debug.SetGCPercent
// takes it. Documents are many small values that live to the end, so that collecting early finds little; a splice makes
// up to 400 times the size of its source, which for a small one is less than what a collection costs.
func GCPercent(size int) int {
	if size <= 1<<20 {
		return -1
	}
	return 400
}

// Edit is the profile of one container of a parsed manifest file.
type Edit struct {
	Pod       *manifest.Pod
	Container string
	Profile   profile.Profile

	// NoToken says that nothing showed this container to use the API. When all edits of a pod say so, and the pod names
	// no service account of its own, it gets no token.
	NoToken bool
	// TokenWhy is what showed, or did not show, that the container uses the API.
	TokenWhy string
}

// Change is one difference that a splice made, or found unnecessary.
type Change struct {
	Action string `json:"action"` // "added", "replaced", or "kept" for what serves as it is
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

	patches []patch // of the file, in its order
}

// Splice writes profiles into the bytes of a manifest. Every byte outside what the seal adds or replaces stays as it
// is, and a second splice of the same profiles changes nothing.
//
// The result is parsed again: it must mean exactly what the manifest meant, with the wanted edits and nothing else.
// Where it does not, or where a profile cannot be written into the pod, the error names line and reason.
func Splice(file *manifest.File, edits []Edit) ([]byte, Report, error) {
	byPod, err := byPods(edits)
	if err != nil {
		return nil, Report{}, err
	}
	groups := groupByDocument(file.Pods, byPod)
	patchers := make([]*patcher, len(groups))
	errs := make([]error, len(groups))
	manifest.Each(len(groups), func(i int) {
		patchers[i] = &patcher{doc: groups[i][0].Document, entrances: map[*yaml.Node]int{}}
		errs[i] = spliceDocument(patchers[i], groups[i], byPod)
	})
	var report Report
	var patches []patch
	for i, p := range patchers {
		if errs[i] != nil {
			return nil, Report{}, errs[i]
		}
		report.Changes = append(report.Changes, p.changes...)
		for _, x := range p.patches {
			x.start, x.end = x.start+p.doc.Offset, x.end+p.doc.Offset
			patches = append(patches, x)
		}
	}
	report.patches = inOrder(patches)
	out, err := apply(file.Source, report.patches)
	if err != nil {
		return nil, Report{}, fmt.Errorf("splicing %s: %w", file.Name, err)
	}
	return out, report, nil
}

// byPods puts the edits of one pod together, and refuses the profile that is never written.
func byPods(edits []Edit) (map[*manifest.Pod][]Edit, error) {
	out := map[*manifest.Pod][]Edit{}
	for _, e := range edits {
		if e.Profile.Open {
			return nil, fmt.Errorf("writing the profile of container %s: it is the unrestricted one, which is never written", e.Container)
		}
		out[e.Pod] = append(out[e.Pod], e)
	}
	return out, nil
}

// groupByDocument puts the pods together that stand in one document, and leaves out the documents without an edit.
func groupByDocument(pods []*manifest.Pod, edits map[*manifest.Pod][]Edit) [][]*manifest.Pod {
	var groups [][]*manifest.Pod
	for i := 0; i < len(pods); {
		last, wanted := i, false
		for last < len(pods) && pods[last].Document == pods[i].Document {
			wanted = wanted || len(edits[pods[last]]) > 0
			last++
		}
		if wanted {
			groups = append(groups, pods[i:last])
		}
		i = last
	}
	return groups
}

// spliceDocument collects the patches of all pods of one document, and proves them.
func spliceDocument(p *patcher, pods []*manifest.Pod, edits map[*manifest.Pod][]Edit) error {
	wants, err := p.collect(pods, edits)
	if err != nil || len(p.patches) == 0 {
		return err
	}
	text, err := apply(p.doc.Text, p.patches)
	if err != nil {
		return fmt.Errorf("splicing %s: %w", pods[0], err)
	}
	return p.prove(pods, wants, text)
}

// collect works out the edits of all pods of one document, by their paths, with the patches and changes that they make.
func (p *patcher) collect(pods []*manifest.Pod, edits map[*manifest.Pod][]Edit) (map[string]object, error) {
	wants := map[string]object{}
	for _, pod := range pods {
		if len(edits[pod]) == 0 {
			continue
		}
		w := wish{pod: pod, edits: edits[pod]}
		tree, err := w.tree()
		if err != nil {
			return nil, err
		}
		p.style = styleOf(p.doc, pod)
		before := len(p.changes)
		p.changes = append(p.changes, w.kept...)
		if len(tree) > 0 {
			wants[pod.Path] = tree
			if err := p.mapping(pod.Node, tree, 0, ""); err != nil {
				return nil, fmt.Errorf("sealing %s: %w", pod, err)
			}
		}
		for i := before; i < len(p.changes); i++ {
			c := &p.changes[i]
			c.File, c.Object, c.Pod = p.doc.File, pod.String(), pod
			c.Container = cmp.Or(c.Container, containerAt(pod, c.Field))
			c.Why = cmp.Or(c.Why, w.why[c.Field])
		}
	}
	return wants, nil
}

// containerAt is the name of the container that a field belongs to: "containers[0].image".
func containerAt(pod *manifest.Pod, path string) string {
	place, _, inside := strings.Cut(path, ".")
	if !inside || !strings.HasSuffix(place, "]") {
		return ""
	}
	for _, c := range pod.Containers {
		if place == fmt.Sprintf("%s[%d]", c.List(), c.Index) {
			return c.Name
		}
	}
	return ""
}

// apply replaces spans of bytes. Insertions at one offset keep their order, those of deeper collections first.
func apply(src []byte, patches []patch) ([]byte, error) {
	sorted := inOrder(patches)
	size := len(src)
	for _, p := range sorted {
		size += len(p.text)
	}
	out := bytes.NewBuffer(make([]byte, 0, size))
	at := 0
	for _, p := range sorted {
		if p.start < at || p.end < p.start || p.end > len(src) {
			return nil, fmt.Errorf("two changes meet at byte %d (this is a fault of podseal)", p.start)
		}
		out.Write(src[at:p.start])
		out.WriteString(p.text)
		at = p.end
	}
	out.Write(src[at:])
	return out.Bytes(), nil
}

func inOrder(patches []patch) []patch {
	sorted := slices.Clone(patches)
	slices.SortStableFunc(sorted, func(a, b patch) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.depth, a.depth))
	})
	return sorted
}

// prove parses the new text and compares what it means with what it should mean.
func (p *patcher) prove(pods []*manifest.Pod, wants map[string]object, text []byte) error {
	doc := p.doc
	want, err := doc.Value(doc.Root)
	if err != nil {
		return err
	}
	for _, pod := range pods {
		if tree, ok := wants[pod.Path]; ok {
			want = overlay(want, nest(pod.Steps(), tree), doc.Root, p.entrances)
		}
	}
	after, err := doc.Reparse(text)
	if err != nil {
		return doc.Fail(pods[0].Node, "this place cannot be edited safely: what it gave is not YAML (%v)", err)
	}
	if after.Root != nil && after.Equals(after.Root, want) {
		return nil
	}
	got, err := after.Value(after.Root)
	if err != nil {
		return doc.Fail(pods[0].Node, "this place cannot be edited safely: %v", err)
	}
	at := difference(want, got, "")
	if at == "" {
		return nil
	}
	if n := anchorAt(doc.Root, at); n != nil {
		return doc.Fail(n, "anchor &%s is used elsewhere too, and sealing would change what its aliases mean (at %s): write the aliases out, or seal all containers that use it", n.Anchor, at)
	}
	if !bytes.HasSuffix(doc.Text, []byte("\n")) {
		lastLine := &yaml.Node{Line: 1 + bytes.Count(doc.Text, []byte("\n"))}
		return doc.Fail(lastLine, "the last line belongs to %s, and has no line end: end the file with a line end", at)
	}
	return doc.Fail(pods[0].Node, "this place cannot be edited safely: %s would not become what was wanted", at)
}

// nest makes an edit of a whole document out of one of a place in it.
func nest(path []yamledit.Step, tree object) any {
	if len(path) == 0 {
		return tree
	}
	if path[0].Key != "" {
		return object{{path[0].Key, nest(path[1:], tree)}}
	}
	inner, _ := nest(path[1:], tree).(object)
	return items{at: []itemEdit{{path[0].Index, inner}}}
}
