package yamledit

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
)

// kubernetes reads a document as kubectl and the API server do.
func kubernetes(source []byte) (any, error) {
	text, err := yaml.YAMLToJSON(source)
	if err != nil {
		return nil, err
	}
	var v any
	return v, json.Unmarshal(text, &v)
}

// ours reads it through the nodes.
func ours(source []byte) (any, error) {
	d, err := Parse("in", 0, Chunk{Text: source})
	if err != nil || d.Root == nil {
		return nil, err
	}
	var v any
	return v, d.Decode(d.Root, &v)
}

func TestValueIsWhatKubernetesReads(t *testing.T) {
	for _, s := range []string{
		"y", "n", "Y", "N", "yes", "Yes", "YES", "yEs", "no", "on", "Off", "true", "True", "TRUE", "tRue", "null", "~", "Null", "",
		"0", "1", "-1", "+1", "01", "0777", "0o17", "0x1F", "0b11", "1_000", "1e3", "1.5", ".5", "1.", "12:30", "9223372036854775807",
		"18446744073709551615", "99999999999999999999", "2024-01-01", "2024-01-01T00:00:00Z", "'y'", `"1"`, "a b", "!!str 1", "!!int '1'",
		"!!float 1", "!!binary aGk=", "-", "1-2", "é", "-0", "0.0", "|\n  x\n  y\n", ">\n  x\n  y\n", "&a b", "x: &a {b: 1}\ny1: *a", "<<: {a: 1}", "x: 1\n0x10: a\non: b\n1.10: c", "<<: [{a: 1}, {a: 2, b: 3}]\nc: 4",
	} {
		source := []byte("key: " + s + "\n")
		if len(s) > 2 && (s[:2] == "x:" || s[:2] == "<<") {
			source = []byte(s + "\n")
		}
		want, wantErr := kubernetes(source)
		got, err := ours(source)
		if (wantErr == nil) != (err == nil) {
			t.Errorf("%q: error %v, Kubernetes has %v", source, err, wantErr)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: -kubernetes +got:\n%s", source, diff)
		}
	}
}

// TestValueOfNodes: each node has its own value, whatever was asked for before.
func TestValueOfNodes(t *testing.T) {
	d, err := Parse("in", 0, Chunk{Text: []byte("a: [1, 2]\nb: x\n")})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for i, want := range []any{[]any{int64(1), int64(2)}, "x"} {
			if got, err := d.Value(d.Root.Content[2*i+1]); err != nil || !cmp.Equal(got, want) {
				t.Errorf("value %d: %v (%v), want %v", i, got, err, want)
			}
		}
		if got, err := d.Value(d.Root); err != nil || !cmp.Equal(got, any(map[string]any{"a": []any{int64(1), int64(2)}, "b": "x"})) {
			t.Errorf("the document: %v (%v)", got, err)
		}
	}
}

// TestEndlessAliases: aliases of aliases that multiply without end are refused, and many values are not.
func TestEndlessAliases(t *testing.T) {
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 9; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	if _, err := ours([]byte(bomb)); err == nil || !strings.Contains(err.Error(), "multiply") {
		t.Errorf("error %v", err)
	}
	if _, err := ours([]byte("a: [" + strings.Repeat("x, ", 20000) + "]\n")); err != nil {
		t.Error(err)
	}
}
