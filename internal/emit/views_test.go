package emit

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/yaml"

	"github.com/podseal/podseal/internal/manifest"
)

// viewCase is a manifest with edits that can be spliced.
type viewCase struct {
	name    string
	source  []byte
	podPath string
	file    *manifest.File
	edits   []Edit
	want    map[string]any // the objects with a pod after the splice
}

func newViewCase(t *testing.T, name string, source []byte, podPath string, edits func(*manifest.File) ([]Edit, error)) (viewCase, bool) {
	t.Helper()
	f, err := manifest.Parse("in.yaml", source, podPath)
	if err != nil {
		return viewCase{}, false
	}
	all, err := edits(f)
	if err != nil {
		return viewCase{}, false
	}
	out, _, err := Splice(f, all)
	if err != nil {
		return viewCase{}, false
	}
	after, err := manifest.Parse("out.yaml", out, podPath)
	if err != nil {
		t.Fatal(err)
	}
	return viewCase{name, source, podPath, f, all, objects(t, after)}, true
}

// objects are the objects that hold a pod, as plain values, by kind and name.
func objects(t *testing.T, f *manifest.File) map[string]any {
	t.Helper()
	out := map[string]any{}
	for _, p := range f.Pods {
		out[objectName(p)] = objectValue(t, p)
	}
	return out
}

func objectValue(t *testing.T, p *manifest.Pod) any {
	t.Helper()
	v, err := p.Document.Value(p.Document.Root)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range p.Steps()[:len(p.Steps())-len(p.StepsInObject())] {
		if s.Key == "" {
			v = v.([]any)[s.Index]
		} else {
			v = v.(map[string]any)[s.Key]
		}
	}
	return plainJSON(t, v)
}

func plainJSON(t *testing.T, v any) any {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// viewCases are the goldens of the splice that succeed, and the layouts of the author.
func viewCases(t *testing.T) []viewCase {
	t.Helper()
	names, err := filepath.Glob("testdata/splice/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var out []viewCase
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files := map[string][]byte{}
		for _, f := range archive.Files {
			files[f.Name] = f.Data
		}
		var cases []spliceCase
		if err := json.Unmarshal(files["profiles.json"], &cases); err != nil {
			t.Fatal(err)
		}
		c, ok := newViewCase(t, filepath.Base(name), files["in.yaml"], strings.TrimSpace(string(files["pod-path"])), func(f *manifest.File) ([]Edit, error) {
			return editsOf(f, cases)
		})
		if ok {
			out = append(out, c)
		}
	}
	for seed := range uint64(60) {
		source, _ := write(seed)
		if c, ok := newViewCase(t, fmt.Sprintf("layout %d", seed), source, "", allEdits); ok {
			out = append(out, c)
		}
	}
	if len(out) < 70 {
		t.Fatalf("only %d cases", len(out))
	}
	return out
}

// sameObjects compares what a patch gave with what the splice gave. The order of volumes, mounts and variables has no
// meaning; that of the init containers has.
func sameObjects(t *testing.T, c viewCase, view string, got map[string]any) {
	t.Helper()
	if diff := gocmp.Diff(sorted(c.want), sorted(got)); diff != "" {
		t.Errorf("%s as %s: -spliced +patched:\n%s", c.name, view, diff)
	}
}

// sorted orders the sequences whose order has no meaning, and gives a volume without a source the one that it gets.
func sorted(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			x = sorted(x)
			if list, ok := x.([]any); ok && slices.Contains([]string{"volumes", "volumeMounts", "env", "supplementalGroups", "drop", "add"}, k) {
				slices.SortStableFunc(list, func(a, b any) int { return cmp.Compare(sortKey(a), sortKey(b)) })
			}
			if list, ok := x.([]any); x != nil && (k != "add" || !ok || len(list) > 0) { // an empty list of capabilities is none
				out[k] = x
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = sorted(x)
		}
		return out
	}
	return v
}

func sortKey(v any) string {
	if m, ok := v.(map[string]any); ok {
		if at, ok := m["mountPath"]; ok {
			return fmt.Sprint(at)
		}
		return fmt.Sprint(m["name"])
	}
	return fmt.Sprint(v)
}

func TestJSONPatchMeansTheSplice(t *testing.T) {
	for _, c := range viewCases(t) {
		checkJSONPatch(t, c)
	}
}

func checkJSONPatch(t *testing.T, c viewCase) {
	t.Helper()
	text, _, err := JSONPatch(c.file, c.edits)
	if err != nil {
		t.Errorf("%s: %v", c.name, err)
		return
	}
	patches := jsonPatches(t, text)
	got := objects(t, c.file)
	all, _, err := editedPods(c.file, c.edits)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) > 0 && len(all) != len(patches) {
		t.Fatalf("%s: %d objects, %d patches", c.name, len(all), len(patches))
	}
	for i, p := range all {
		patch, err := jsonpatch.DecodePatch(patches[i])
		if err != nil {
			t.Fatalf("%s: %v\n%s", c.name, err, text)
		}
		before, err := json.Marshal(got[objectName(p.pod)])
		if err != nil {
			t.Fatal(err)
		}
		after, err := patch.Apply(before)
		if err != nil {
			t.Errorf("%s: %v\n%s", c.name, err, text)
			continue
		}
		var v any
		if err := json.Unmarshal(after, &v); err != nil {
			t.Fatal(err)
		}
		got[objectName(p.pod)] = v
	}
	sameObjects(t, c, "json-patch", got)
}

// jsonPatches are the arrays of a JSON patch's stream.
func jsonPatches(t *testing.T, text []byte) [][]byte {
	t.Helper()
	if !strings.HasPrefix(string(text), "---") {
		if !json.Valid(text) {
			t.Fatalf("not JSON:\n%s", text)
		}
		return [][]byte{text}
	}
	var out [][]byte
	for _, doc := range strings.Split(string(text), "---\n")[1:] {
		data, err := yaml.YAMLToJSONStrict([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, data)
	}
	return out
}

// typed are the kinds that the API server merges strategically.
func typed(kind string) any {
	return map[string]any{
		"Pod": corev1.Pod{}, "PodTemplate": corev1.PodTemplate{}, "ReplicationController": corev1.ReplicationController{},
		"Deployment": appsv1.Deployment{}, "ReplicaSet": appsv1.ReplicaSet{}, "StatefulSet": appsv1.StatefulSet{}, "DaemonSet": appsv1.DaemonSet{},
		"Job": batchv1.Job{}, "CronJob": batchv1.CronJob{},
	}[kind]
}

func TestStrategicMergeMeansTheSplice(t *testing.T) {
	count := 0
	for _, c := range viewCases(t) {
		if checkStrategicMerge(t, c) {
			count++
		}
	}
	if count < 70 {
		t.Errorf("only %d cases were patched", count)
	}
}

// checkStrategicMerge patches as the API server does. It is false where podseal refuses to write such a patch.
func checkStrategicMerge(t *testing.T, c viewCase) bool {
	t.Helper()
	text, _, err := StrategicMerge(c.file, c.edits)
	if err != nil {
		if !strings.Contains(err.Error(), "--format json-patch") {
			t.Errorf("%s: %v", c.name, err)
		}
		return false
	}
	got := objects(t, c.file)
	for _, doc := range strings.Split(string(text), "---\n") {
		if strings.HasPrefix(doc, "# The manifest is sealed") {
			continue
		}
		patch, err := yaml.YAMLToJSONStrict([]byte(doc))
		if err != nil {
			t.Fatalf("%s: %v\n%s", c.name, err, doc)
		}
		name, kind := nameOf(t, patch)
		before, err := json.Marshal(got[name])
		if err != nil {
			t.Fatal(err)
		}
		after, err := strategicpatch.StrategicMergePatch(before, patch, typed(kind))
		if err != nil {
			t.Errorf("%s: %v\n%s", c.name, err, doc)
			continue
		}
		var v any
		if err := json.Unmarshal(after, &v); err != nil {
			t.Fatal(err)
		}
		got[name] = v
	}
	sameObjects(t, c, "strategic-merge", got)
	return true
}

// Whatever can be spliced can be patched to the same, and the difference of the splice makes it of the source.
func FuzzViews(f *testing.F) {
	for seed := range uint64(5) {
		source, _ := write(seed)
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		c, ok := newViewCase(t, "fuzzed", source, "", allEdits)
		if !ok || len(c.want) != len(c.file.Pods) || strings.Contains(string(source), "---") {
			return
		}
		for _, p := range c.file.Pods {
			if typed(p.Kind) == nil || p.Name == "" {
				return
			}
		}
		checkJSONPatch(t, c)
		checkStrategicMerge(t, c)
	})
}

// nameOf is the name of an object in JSON, as objects has it.
func nameOf(t *testing.T, data []byte) (name, kind string) {
	t.Helper()
	var o struct {
		Kind     string
		Metadata struct{ Name, Namespace string }
	}
	if err := json.Unmarshal(data, &o); err != nil {
		t.Fatal(err)
	}
	return objectName(&manifest.Pod{Kind: o.Kind, Name: o.Metadata.Name, Namespace: o.Metadata.Namespace}), o.Kind
}
