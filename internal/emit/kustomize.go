package emit

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/manifest"
)

// File is one file of a result that is a folder.
type File struct {
	Name string
	Data []byte
}

// KustomizeMark is the first line of every file of a component, by which podseal knows the files that it wrote.
const KustomizeMark = "# Written by podseal run --format kustomize; the next run replaces it."

// Kustomize writes the edits of some manifests as a component: a kustomization and a patch for each object.
func Kustomize(files []*manifest.File, edits []Edit) ([]File, Report, error) {
	var report Report
	var out []File
	var entries []any
	names := map[string]bool{}
	for _, f := range files {
		all, r, err := plans(f, slices.DeleteFunc(slices.Clone(edits), func(e Edit) bool { return !ofFile(f, e) }))
		if err != nil {
			return nil, Report{}, err
		}
		report.Changes = append(report.Changes, r.Changes...)
		for _, p := range all {
			if p.pod.Name == "" {
				return nil, Report{}, p.pod.Document.Fail(p.pod.Node, "a %s without a name cannot be the target of a kustomize patch: give it one, or use --format yaml", p.pod.Kind)
			}
			name := label(strings.ToLower(p.pod.Kind)+"-"+p.pod.Name, "", "patch")
			for base, i := name, 2; names[name]; i++ {
				name = fmt.Sprintf("%s-%d", base, i)
			}
			names[name] = true
			out = append(out, File{name + ".yaml", kustomizePatch(p)})
			entries = append(entries, object{{"path", name + ".yaml"}, {"target", patchTarget(p.pod)}})
		}
	}
	head := object{{"apiVersion", "kustomize.config.k8s.io/v1alpha1"}, {"kind", "Component"}}
	kustomization := marked(document(appendList(head, "patches", entries)))
	return append([]File{{"kustomization.yaml", kustomization}}, out...), report, nil
}

func marked(data []byte) []byte { return append([]byte(KustomizeMark+"\n"), data...) }

// kustomizePatch is a strategic merge patch, which still fits when the base changes, where that says the same.
func kustomizePatch(p podPlan) []byte {
	if p.pod.BuiltIn() && !needsOrder(p) {
		if patch, err := strategic(p, false); err == nil { // kustomize puts new items first by itself
			return marked(document(patch))
		}
	}
	var ops []any
	for _, op := range operations(p) {
		ops = append(ops, op)
	}
	return marked([]byte(strings.Join(plainStyle.blockItems(ops, 0), "\n") + "\n"))
}

// needsOrder tells whether a new variable must not come before those that are there, because one of them refers to its
// name: $(NAME) is replaced only where NAME comes first.
func needsOrder(p podPlan) bool {
	for _, e := range p.edited() {
		env, _ := lookup(e.edit, "env").(items)
		for _, item := range env.append {
			o, _ := item.(object)
			name, _ := lookup(o, "name").(string)
			if slices.ContainsFunc(e.container.Env, func(v envVar) bool { return strings.Contains(v.Value, "$("+name+")") }) {
				return true
			}
		}
	}
	return false
}

// patchTarget selects one object. The names are regular expressions there.
func patchTarget(pod *manifest.Pod) object {
	var o object
	group, version := path.Split(pod.APIVersion)
	if group != "" {
		o = object{{"group", strings.TrimSuffix(group, "/")}}
	}
	o = append(o, field{"version", version}, field{"kind", pod.Kind}, field{"name", regexp.QuoteMeta(pod.Name)})
	if pod.Namespace != "" {
		o = append(o, field{"namespace", regexp.QuoteMeta(pod.Namespace)})
	}
	return o
}

// ofFile tells whether an edit is one of a file's.
func ofFile(f *manifest.File, e Edit) bool { return slices.Contains(f.Pods, e.Pod) }
