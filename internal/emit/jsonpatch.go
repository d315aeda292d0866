package emit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/tree"
	"github.com/podseal/podseal/internal/yamledit"
)

// JSONPatch writes the edits as JSON patches (RFC 6902), as kubectl patch takes them. For one object it is a JSON array;
// for several a YAML stream with an array each, below the object's name. Each patch begins with tests, so that it
// fails where the items are not in the order that they had.
func JSONPatch(file *manifest.File, edits []Edit) ([]byte, Report, error) {
	all, report, err := editedPods(file, edits)
	if err != nil {
		return nil, Report{}, err
	}
	switch len(all) {
	case 0:
		return []byte("[]\n"), report, nil
	case 1:
		return []byte(jsonLines(operations(all[0]))), report, nil
	}
	var out strings.Builder
	for _, p := range all {
		out.WriteString("---\n# " + comment(objectName(p.pod)) + "\n" + jsonLines(operations(p)))
	}
	return []byte(out.String()), report, nil
}

// objectName returns the title of an object with its namespace.
func objectName(pod *manifest.Pod) string {
	name := pod.String()
	if pod.Generated {
		name = pod.Kind + " with generateName " + pod.Name
	}
	if pod.Namespace != "" {
		name += " in namespace " + pod.Namespace
	}
	return name
}

// comment makes a text safe for a line that is a comment. YAML has no control characters, and some end a line.
func comment(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || strings.ContainsRune("\u2028\u2029\ufeff", r) {
			return ' '
		}
		return r
	}, s)
}

func jsonLines(ops []tree.Object) string {
	lines := make([]string, len(ops))
	for i, op := range ops {
		lines[i] = "  " + yamledit.JSON(op)
	}
	return "[\n" + strings.Join(lines, ",\n") + "\n]\n"
}

// operations returns a pod's edits as operations on its object, the tests first.
func operations(p podEdit) []tree.Object {
	at := ""
	for _, s := range p.pod.StepsInObject() {
		at += "/" + pointerPart(s)
	}
	var o ops
	o.object(at, p.before, p.edit)
	return slices.Concat(o.tests, o.changes)
}

func pointerPart(s yamledit.Step) string {
	if s.Key == "" {
		return strconv.Itoa(s.Index)
	}
	return escapePointer(s.Key)
}

func escapePointer(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}

// ops collects the operations of a JSON patch.
type ops struct{ tests, changes []tree.Object }

func (o *ops) add(op, path string, value any) {
	entry := tree.Object{{Key: "op", Value: op}, {Key: "path", Value: path}, {Key: "value", Value: value}}
	if op == "test" {
		o.tests = append(o.tests, entry)
		return
	}
	o.changes = append(o.changes, entry)
}

func (o *ops) object(at string, before any, edit tree.Object) {
	old, _ := before.(map[string]any)
	for _, f := range edit {
		path := at + "/" + escapePointer(f.Key)
		have, there := old[f.Key]
		switch e := f.Value.(type) {
		case tree.Object:
			if m, ok := have.(map[string]any); ok {
				o.object(path, m, e)
				continue
			}
		case tree.Items:
			if list, ok := have.([]any); ok {
				o.items(path, f.Key, list, e)
				continue
			}
		}
		if _, remove := f.Value.(tree.Removed); remove {
			o.changes = append(o.changes, tree.Object{{Key: "op", Value: "remove"}, {Key: "path", Value: path}})
			continue
		}
		op := "add"
		if there {
			op = "replace"
		}
		o.add(op, path, tree.Result(nil, f.Value))
	}
}

// items edits the items that are there by their places, then adds the new ones.
func (o *ops) items(at, key string, before []any, e tree.Items) {
	for _, edit := range e.At {
		path := fmt.Sprintf("%s/%d", at, edit.Index)
		item, _ := before[edit.Index].(map[string]any)
		by := mergeKeys()[key]
		if by == "" {
			by = "name"
		}
		if name, ok := item[by]; ok {
			o.add("test", path+"/"+by, name)
		}
		o.object(path, item, edit.Edit)
	}
	for _, item := range e.Append {
		o.add("add", at+"/-", item)
	}
	for _, item := range slices.Backward(e.Prepend) {
		o.add("add", at+"/0", item)
	}
}
