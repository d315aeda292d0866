package emit

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/podspec"
	"github.com/podseal/podseal/internal/tree"
	"github.com/podseal/podseal/internal/yamledit"
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
		all, r, err := editedPods(f, slices.DeleteFunc(slices.Clone(edits), func(e Edit) bool { return !ofFile(f, e) }))
		if err != nil {
			return nil, Report{}, err
		}
		report.Changes = append(report.Changes, r.Changes...)
		for _, p := range all {
			if p.pod.Name == "" || p.pod.Generated {
				return nil, Report{}, p.pod.Document.Fail(p.pod.Node, "a %s without a name cannot be the target of a kustomize patch: add metadata.name, or use --format yaml", p.pod.Kind)
			}
			name := podspec.Label(strings.ToLower(p.pod.Kind)+"-"+p.pod.Name, "", "patch")
			for base, i := name, 2; names[name]; i++ {
				name = fmt.Sprintf("%s-%d", base, i)
			}
			names[name] = true
			out = append(out, File{name + ".yaml", kustomizePatch(p)})
			entries = append(entries, tree.Object{{Key: "path", Value: name + ".yaml"}, {Key: "target", Value: patchTarget(p.pod)}})
		}
	}
	head := tree.Object{{Key: "apiVersion", Value: "kustomize.config.k8s.io/v1alpha1"}, {Key: "kind", Value: "Component"}}
	kustomization := marked(yamledit.Text(head.AppendList("patches", entries)))
	return append([]File{{"kustomization.yaml", kustomization}}, out...), report, nil
}

func marked(data []byte) []byte { return append([]byte(KustomizeMark+"\n"), data...) }

// kustomizePatch returns a strategic merge patch, which still fits when the base changes, where that says the same.
func kustomizePatch(p podEdit) []byte {
	if p.pod.BuiltIn() && !needsOrder(p) {
		if patch, err := strategic(p, false); err == nil { // kustomize puts new items first by itself
			return marked(yamledit.Text(patch))
		}
	}
	var ops []any
	for _, op := range operations(p) {
		ops = append(ops, op)
	}
	return marked(yamledit.ListText(ops))
}

// needsOrder reports whether a new variable must not come before those that are there, because one of them refers to its
// name: $(NAME) is replaced only where NAME comes first.
func needsOrder(p podEdit) bool {
	for _, e := range p.containers() {
		env, _ := e.edit.Get("env").(tree.Items)
		for _, item := range env.Append {
			o, _ := item.(tree.Object)
			name, _ := o.Get("name").(string)
			if slices.ContainsFunc(e.container.Env, func(v corev1.EnvVar) bool { return strings.Contains(v.Value, "$("+name+")") }) {
				return true
			}
		}
	}
	return false
}

// patchTarget selects one object. The names are regular expressions there.
func patchTarget(pod *manifest.Pod) tree.Object {
	var o tree.Object
	group, version := path.Split(pod.APIVersion)
	if group != "" {
		o = tree.Object{{Key: "group", Value: strings.TrimSuffix(group, "/")}}
	}
	o = append(o, tree.Field{Key: "version", Value: version}, tree.Field{Key: "kind", Value: pod.Kind}, tree.Field{Key: "name", Value: regexp.QuoteMeta(pod.Name)})
	if pod.Namespace != "" {
		o = append(o, tree.Field{Key: "namespace", Value: regexp.QuoteMeta(pod.Namespace)})
	}
	return o
}

// ofFile reports whether an edit is one of a file's.
func ofFile(f *manifest.File, e Edit) bool { return slices.Contains(f.Pods, e.Pod) }
