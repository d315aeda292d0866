package emit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/podseal/podseal/internal/podspec"
	"github.com/podseal/podseal/internal/tree"
	"github.com/podseal/podseal/internal/yamledit"
)

// author writes one Pod in one of the countless ways that people write YAML: indents, flow style, quotes, comments, blank
// lines, anchors, line ends. The choices come from the seed.
type author struct {
	*rand.Rand
	step, dash, gap int
}

func indent(columns int) string { return strings.Repeat(" ", columns) }

func (a *author) oneIn(n int) bool { return a.IntN(n) == 0 }

// remark is what may stand at the end of a line.
func (a *author) remark() string {
	return []string{"", "", "", "", " # why", "   #", "  ", " # it's {not} [yaml]: \"x\""}[a.IntN(8)]
}

// between is what may stand between two lines at a column.
func (a *author) between(column int) string {
	switch a.IntN(10) {
	case 0:
		return "\n"
	case 1:
		return indent(column) + "# - name: off\n"
	case 2:
		return indent(a.IntN(column+1)) + "# anywhere\n"
	case 3:
		return "  \n"
	}
	return ""
}

func (a *author) word(s string) string {
	if s != yamledit.Inline(s) {
		return yamledit.JSON(s)
	}
	return []string{s, s, yamledit.JSON(s), "'" + s + "'"}[a.IntN(4)]
}

// block writes the fields of a mapping, without the indent of the first line.
func (a *author) block(o tree.Object, column int) string {
	var b strings.Builder
	for i, f := range o {
		if i > 0 {
			b.WriteString(a.between(column) + indent(column))
		}
		b.WriteString(f.Key + ":")
		b.WriteString(a.value(f.Value, column))
	}
	return b.String()
}

// value writes what follows a colon, to the end of its last line.
func (a *author) value(v any, column int) string {
	switch v := v.(type) {
	case tree.Object:
		if len(v) == 0 || a.oneIn(4) {
			return " " + a.flow(v, column+a.step) + a.remark() + "\n"
		}
		return a.remark() + "\n" + a.between(column+a.step) + indent(column+a.step) + a.block(v, column+a.step)
	case []any:
		if len(v) == 0 && a.oneIn(2) {
			return []string{"\n", " ~\n", " null # none\n", " # none\n"}[a.IntN(4)]
		}
		if len(v) == 0 || a.oneIn(4) {
			return " " + a.flow(v, column+a.step) + a.remark() + "\n"
		}
		var b strings.Builder
		b.WriteString(a.remark() + "\n")
		at := column + a.dash
		for _, item := range v {
			b.WriteString(a.between(at) + indent(at) + "-" + indent(a.gap-1))
			if o, ok := item.(tree.Object); ok && len(o) > 0 && !a.oneIn(4) {
				b.WriteString(a.block(o, at+a.gap))
			} else {
				b.WriteString(a.flow(item, at+a.gap) + a.remark() + "\n")
			}
		}
		return b.String()
	case string:
		switch a.IntN(8) {
		case 0:
			return " |-\n" + indent(column+a.step) + v + "\n"
		case 1:
			return " >-\n" + indent(column+a.step) + v + "\n\n"
		}
		return " " + a.word(v) + a.remark() + "\n"
	default:
		return " " + yamledit.Inline(v) + a.remark() + "\n"
	}
}

func (a *author) flow(v any, column int) string {
	sep := func() string {
		if a.oneIn(4) {
			return "\n" + indent(column+1)
		}
		return []string{" ", "  "}[a.IntN(2)]
	}
	var parts []string
	open, end := "{", "}"
	switch v := v.(type) {
	case tree.Object:
		for _, f := range v {
			key := f.Key
			if a.oneIn(5) {
				key = yamledit.JSON(key)
			}
			parts = append(parts, key+": "+a.flow(f.Value, column))
		}
	case []any:
		open, end = "[", "]"
		for _, item := range v {
			parts = append(parts, a.flow(item, column))
		}
	case string:
		return a.word(v)
	default:
		return yamledit.Inline(v)
	}
	var b strings.Builder
	b.WriteString(open)
	if a.oneIn(4) {
		b.WriteString(sep())
	}
	for i, part := range parts {
		b.WriteString(part)
		if i+1 < len(parts) || a.oneIn(6) {
			b.WriteString("," + sep())
		}
	}
	return b.String() + end
}

// pod is a Pod with some of what a seal meets.
func (a *author) pod() tree.Object {
	maybe := func(o tree.Object, f tree.Field) tree.Object {
		if a.oneIn(2) {
			return append(o, f)
		}
		return o
	}
	c := tree.Object{{Key: "name", Value: "app"}}
	c = maybe(c, tree.Field{Key: "args", Value: []any{"a b", "#c", "- d"}})
	c = maybe(c, tree.Field{Key: "env", Value: []any{tree.Object{{Key: "name", Value: "HOME"}, {Key: "value", Value: "/root"}}}[:a.IntN(2)]})
	c = maybe(c, tree.Field{Key: "securityContext", Value: []any{
		tree.Object{},
		tree.Object{{Key: "privileged", Value: true}},
		tree.Object{{Key: "runAsUser", Value: int64(0)}, {Key: "capabilities", Value: tree.Object{{Key: "add", Value: []any{"SYS_ADMIN", "CHOWN"}}, {Key: "drop", Value: []any{"KILL"}}}}},
		tree.Object{{Key: "seccompProfile", Value: tree.Object{{Key: "type", Value: "Unconfined"}}}},
	}[a.IntN(4)]})
	c = maybe(c, tree.Field{Key: "volumeMounts", Value: []any{tree.Object{{Key: "name", Value: "data"}, {Key: "mountPath", Value: "/data/"}}, tree.Object{{Key: "mountPath", Value: "/x"}, {Key: "name", Value: "x"}}}[:a.IntN(3)]})
	c = append(c, tree.Field{Key: "image", Value: "app:1"})
	a.Shuffle(len(c), func(i, j int) { c[i], c[j] = c[j], c[i] })
	spec := tree.Object{{Key: "containers", Value: []any{c, tree.Object{{Key: "name", Value: "two"}, {Key: "image", Value: "two:2"}}}[:1+a.IntN(2)]}}
	spec = append(spec, tree.Field{Key: "volumes", Value: []any{tree.Object{{Key: "name", Value: "data"}, {Key: "emptyDir", Value: tree.Object{}}}, tree.Object{{Key: "name", Value: "x"}, {Key: "emptyDir", Value: tree.Object{{Key: "medium", Value: "Memory"}}}}}})
	spec = maybe(spec, tree.Field{Key: "securityContext", Value: []any{tree.Object{}, tree.Object{{Key: "fsGroup", Value: int64(5)}}, tree.Object{{Key: "runAsUser", Value: int64(0)}, {Key: "supplementalGroups", Value: []any{int64(9)}}}}[a.IntN(3)]})
	spec = maybe(spec, tree.Field{Key: "initContainers", Value: []any{tree.Object{{Key: "image", Value: "i"}, {Key: "name", Value: "setup"}}}[:a.IntN(2)]})
	spec = maybe(spec, tree.Field{Key: "restartPolicy", Value: "Always"})
	a.Shuffle(len(spec), func(i, j int) { spec[i], spec[j] = spec[j], spec[i] })
	o := tree.Object{{Key: "apiVersion", Value: "v1"}, {Key: "kind", Value: "Pod"}, {Key: "metadata", Value: tree.Object{{Key: "name", Value: "p"}, {Key: "labels", Value: tree.Object{{Key: "a", Value: "b"}}}}}, {Key: "spec", Value: spec}}
	a.Shuffle(len(o), func(i, j int) { o[i], o[j] = o[j], o[i] })
	return o
}

// write gives the Pod's text, and what it means.
func write(seed uint64) (source []byte, want corev1.Pod) {
	a := &author{Rand: rand.New(rand.NewPCG(seed, 1)), step: 2, gap: 2}
	a.step += a.IntN(3)
	a.dash = a.IntN(2) * a.step
	a.gap += a.IntN(2)
	o := a.pod()
	text := a.block(o, 0)
	if a.oneIn(6) {
		text = a.flow(o, 0) + "\n"
	}
	switch a.IntN(5) {
	case 0:
		text = strings.ReplaceAll(text, "\n", "\r\n")
	case 1:
		text = "--- # first\n" + text + "---\nkind: Other\n"
	case 2:
		text = strings.TrimRight(text, "\n ")
	}
	plain, err := json.Marshal(tree.Apply(nil, o, tree.Deviations{}))
	if err != nil {
		panic(err)
	}
	if err := json.Unmarshal(plain, &want); err != nil {
		panic(err)
	}
	return []byte(text), want
}

func checkLayout(t *testing.T, seed uint64) {
	t.Helper()
	source, want := write(seed)
	out, report, err := spliceAll(source)
	if err != nil {
		t.Fatalf("seed %d: %v\n%s", seed, err, source)
	}
	first := out
	if i := bytes.Index(out, []byte("\n---\nkind: Other")); i >= 0 {
		first = out[:i+1]
	}
	var got corev1.Pod
	if err := yaml.UnmarshalStrict(first, &got); err != nil {
		t.Fatalf("seed %d: %v\n%s\n=====\n%s", seed, err, source, out)
	}
	if err := podspec.CheckRestricted(&got); err != nil {
		t.Errorf("seed %d: %v\n%s", seed, err, out)
	}
	if len(got.Spec.Containers) != len(want.Spec.Containers) || fmt.Sprint(got.Spec.Containers[0].Args) != fmt.Sprint(want.Spec.Containers[0].Args) ||
		got.Spec.RestartPolicy != want.Spec.RestartPolicy || got.Spec.Volumes[0].Name == "" {
		t.Errorf("seed %d: something else changed\n%s\n=====\n%s", seed, source, out)
	}
	if lost := lostLine(source, out, report); lost != "" && !strings.ContainsAny(lost, "{}[]") {
		t.Errorf("seed %d: a line is gone: %q\n%s\n=====\n%s", seed, lost, source, out)
	}
	twice, _, err := spliceAll(out)
	if err != nil || !bytes.Equal(out, twice) {
		t.Errorf("seed %d: a second time: %v\n%s\n=====\n%s", seed, err, out, twice)
	}
}

func TestLayouts(t *testing.T) {
	for seed := range uint64(150) {
		checkLayout(t, seed)
	}
}

// A block scalar at the end of a file without a final line end would get one, were something to follow it.
func TestSpliceAfterOpenBlockScalar(t *testing.T) {
	const source = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: a\n    image: i\n    args:\n    - |\n      x"
	if _, _, err := spliceAll([]byte(source)); err == nil || !strings.Contains(err.Error(), "end the file with a line end") {
		t.Errorf("got %v", err)
	}
	if _, _, err := spliceAll([]byte(source + "\n")); err != nil {
		t.Error(err)
	}
}

func FuzzLayouts(f *testing.F) {
	f.Add(uint64(1 << 40))
	f.Fuzz(checkLayout)
}
