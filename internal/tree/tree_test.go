package tree

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestApply(t *testing.T) {
	value := map[string]any{"a": int64(1), "list": []any{"x", map[string]any{"k": "v"}}, "cap": map[string]any{"add": []any{"A"}, "drop": []any{"D"}}}
	edit := Object{
		{"a", int64(2)},
		{"list", Items{At: []ItemEdit{{1, Object{{"k", "w"}}}}, Prepend: []any{"first"}, Append: []any{Object{{"n", true}}}}},
		{"cap", Object{{"add", Removed{}}, {"drop", Replaced{"ALL"}}}},
		{"new", Object{{"deep", Items{Append: []any{"y"}}}}},
		{"gone", Removed{}},
	}
	want := map[string]any{
		"a":    int64(2),
		"list": []any{"first", "x", map[string]any{"k": "w"}, map[string]any{"n": true}},
		"cap":  map[string]any{"drop": []any{"ALL"}},
		"new":  map[string]any{"deep": []any{"y"}},
	}
	if d := cmp.Diff(any(want), Apply(value, edit, Deviations{})); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	want["list"] = []any{"first", map[string]any{"n": true}, "x", map[string]any{"k": "w"}}
	want["cap"] = map[string]any{"add": []any{}, "drop": []any{"ALL"}}
	got := Apply(value, edit, Deviations{Inserted: map[string]int{".list": 0, ".new.deep": 7}, Emptied: map[string]bool{".cap.add": true}})
	if d := cmp.Diff(any(want), got); d != "" {
		t.Errorf("with deviations: -want +got:\n%s", d)
	}
	if value["a"] != int64(1) || len(value["list"].([]any)) != 2 {
		t.Errorf("the value has changed: %v", value)
	}
}

// A new value keeps the order of the edit; one that is merged is sorted, its name first.
func TestResult(t *testing.T) {
	edit := Object{{"z", int64(1)}, {"add", Removed{}}, {"a", Items{Prepend: []any{"p"}, Append: []any{"q"}}}}
	if d := cmp.Diff(any(Object{{"z", int64(1)}, {"a", []any{"p", "q"}}}), Result(nil, edit)); d != "" {
		t.Errorf("new: -want +got:\n%s", d)
	}
	have := map[string]any{"name": "n", "b": int64(2), "add": []any{"x"}}
	if d := cmp.Diff(any(Object{{"name", "n"}, {"a", []any{"p", "q"}}, {"b", int64(2)}, {"z", int64(1)}}), Result(have, edit)); d != "" {
		t.Errorf("merged: -want +got:\n%s", d)
	}
	if d := cmp.Diff(any([]any{}), Result([]any{"x"}, Removed{})); d != "" {
		t.Errorf("removed: -want +got:\n%s", d)
	}
}

// Changes of one item are one edit, in the order of the items.
func TestItemsChange(t *testing.T) {
	var items Items
	items.Change(2, Object{{"dir", Object{{"medium", "Memory"}}}})
	items.Change(0, Object{{"x", int64(1)}})
	items.Change(2, Object{{"dir", Object{{"limit", "1Gi"}, {"medium", "Disk"}}}, {"y", true}})
	want := []ItemEdit{{0, Object{{"x", int64(1)}}}, {2, Object{{"dir", Object{{"medium", "Disk"}, {"limit", "1Gi"}}}, {"y", true}}}}
	if d := cmp.Diff(want, items.At); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if items.Empty() || !(Items{}).Empty() || (Items{Prepend: []any{1}}).Empty() || (Items{Append: []any{1}}).Empty() {
		t.Error("Empty is wrong")
	}
}

func TestDifference(t *testing.T) {
	m := func(pairs ...any) map[string]any {
		out := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			out[pairs[i].(string)] = pairs[i+1]
		}
		return out
	}
	for _, c := range []struct {
		name      string
		want, got any
		at        string
		equal     bool
	}{
		{"equal", m("a", []any{int64(1), nil}), m("a", []any{int64(1), nil}), "", true},
		{"a number and its text", m("a", int64(1)), m("a", "1"), ".a", false},
		{"an item", m("a", []any{"x", m("b", "y")}), m("a", []any{"x", m("b", "z")}), ".a[1].b", false},
		{"a length", m("a", []any{"x"}), m("a", []any{"x", "y"}), ".a", false},
		{"a missing key", m("a", m("b", "c")), m("a", m()), ".a.b", false},
		{"another key", m("a", m()), m("a", m("b", "c")), ".a.b", false},
		{"a mapping and a list", m("a", m()), m("a", []any{}), ".a", false},
		{"a list and a scalar", m("a", []any{}), m("a", "x"), ".a", false},
		{"a scalar and a mapping", m("a", "x"), m("a", m()), ".a", false},
		{"no numbers", m("a", math.NaN()), m("a", math.NaN()), "", true},
		{"one no number", m("a", math.NaN()), m("a", 1.0), ".a", false},
	} {
		if got := Difference(c.want, c.got); got != c.at || Equal(c.want, c.got) != c.equal {
			t.Errorf("%s: they differ at %q, equal: %v", c.name, got, Equal(c.want, c.got))
		}
	}
}
