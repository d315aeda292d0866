package emit

import (
	"fmt"
	"strings"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/tree"
	"github.com/podseal/podseal/internal/yamledit"
)

// mergeKeys returns the sequences of a pod whose items the API server merges, with the key that distinguishes the items. All other
// sequences are replaced whole.
func mergeKeys() map[string]string {
	return map[string]string{"containers": "name", "initContainers": "name", "volumes": "name", "env": "name", "volumeMounts": "mountPath"}
}

// StrategicMerge writes the edits as strategic merge patches, a document for each object, as kubectl patch takes them.
func StrategicMerge(file *manifest.File, edits []Edit) ([]byte, Report, error) {
	all, report, err := editedPods(file, edits)
	if err != nil {
		return nil, Report{}, err
	}
	var docs [][]byte
	for _, p := range all {
		if !p.pod.BuiltIn() {
			return nil, Report{}, p.pod.Document.Fail(p.pod.Node, "%s is a custom resource (%s), which no API server merges strategically: use --format json-patch", p.pod, p.pod.APIVersion)
		}
		patch, err := strategic(p, true)
		if err != nil {
			return nil, Report{}, err
		}
		text := yamledit.Text(patch)
		if p.pod.Generated {
			text = append([]byte("# For the objects that were made of "+comment(objectName(p.pod))+": kubectl patch takes their names.\n"), text...)
		}
		docs = append(docs, text)
	}
	return joined(docs), report, nil
}

// strategic returns a pod's patch, from the object down. The order of items is said where it matters, unless whatever takes
// the patch puts new items first by itself.
func strategic(p podEdit, order bool) (tree.Object, error) {
	edit, err := merging(p.before, p.edit, order)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.pod, err)
	}
	patch, _ := wrapped(p.pod.StepsInObject(), edit).(tree.Object)
	return append(head(p.pod), patch...), nil
}

// wrapped puts a value at a path of keys.
func wrapped(steps []yamledit.Step, value any) any {
	for i := len(steps) - 1; i >= 0; i-- {
		value = tree.Object{{Key: steps[i].Key, Value: value}}
	}
	return value
}

func merging(before any, edit tree.Object, order bool) (tree.Object, error) {
	old, _ := before.(map[string]any)
	var out tree.Object
	for _, f := range edit {
		switch e := f.Value.(type) {
		case tree.Object:
			inner, err := merging(old[f.Key], e, order)
			if err != nil {
				return nil, err
			}
			out = append(out, tree.Field{Key: f.Key, Value: inner})
		case tree.Items:
			fields, err := mergingItems(f.Key, old[f.Key], e, order)
			if err != nil {
				return nil, err
			}
			out = append(out, fields...)
		case tree.Removed:
			out = append(out, tree.Field{Key: f.Key, Value: nil})
		default:
			out = append(out, tree.Field{Key: f.Key, Value: tree.Result(nil, f.Value)})
		}
	}
	return out, nil
}

// mergingItems returns a sequence of a patch, and its order where new items must come first.
func mergingItems(key string, before any, e tree.Items, order bool) (tree.Object, error) {
	by, merged := mergeKeys()[key]
	if !merged {
		return tree.Object{{Key: key, Value: tree.Result(before, e)}}, nil
	}
	old, _ := before.([]any)
	names, seen := make([]any, len(old)), map[any]int{}
	for i, item := range old {
		m, _ := item.(map[string]any)
		if names[i] = m[by]; names[i] == nil {
			return nil, fmt.Errorf("%s has an item without a %s, which a strategic merge patch needs to distinguish items: use --format json-patch", key, by)
		}
		seen[names[i]]++
	}
	list := append([]any(nil), e.Prepend...)
	for _, at := range e.At {
		name := names[at.Index]
		if seen[name] > 1 {
			return nil, fmt.Errorf("%s has several items with the %s %v, which a strategic merge patch cannot distinguish: use --format json-patch", key, by, name)
		}
		item, _ := old[at.Index].(map[string]any)
		inner, err := merging(item, at.Edit, order)
		if err != nil {
			return nil, err
		}
		list = append(list, append(tree.Object{{Key: by, Value: name}}, inner...))
	}
	var out tree.Object
	if order && len(e.Prepend) > 0 && len(old) > 0 {
		var first []any
		for _, item := range e.Prepend {
			o, _ := item.(tree.Object)
			first = append(first, o.Get(by))
		}
		out = tree.Object{{Key: "$setElementOrder/" + key, Value: appendNames(first, by, names)}}
	}
	return append(out, tree.Field{Key: key, Value: append(list, e.Append...)}), nil
}

func appendNames(first []any, by string, names []any) []any {
	var out []any
	for _, name := range append(first, names...) {
		out = append(out, tree.Object{{Key: by, Value: name}})
	}
	return out
}

// Nothing is what the views say that patch nothing.
const Nothing = "# The manifest is sealed as it is: there is nothing to change.\n"

// joined makes one stream of patches.
func joined(docs [][]byte) []byte {
	if len(docs) == 0 {
		return []byte(Nothing)
	}
	return Join(docs)
}

// Join makes one YAML stream of several sources, each with one or several documents.
func Join(sources [][]byte) []byte {
	var out []byte
	for i, source := range sources {
		if i == 0 {
			out = append(out, source...)
			continue
		}
		source = []byte(strings.TrimPrefix(string(source), "\xef\xbb\xbf")) // only at the start of a stream
		if len(out) > 0 && out[len(out)-1] != '\n' {
			out = append(out, '\n')
		}
		if !yamledit.StartsDocument(source) {
			out = append(out, "---\n"...)
		}
		out = append(out, source...)
	}
	return out
}
