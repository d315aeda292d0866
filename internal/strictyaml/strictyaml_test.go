package strictyaml_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podseal/podseal/internal/strictyaml"
	"github.com/podseal/podseal/internal/yamledit"
)

type shared struct {
	Name string `json:"name"`
}

type sample struct {
	shared

	Flag   bool              `json:"flag,omitempty"`
	Small  int8              `json:"small"`
	Ratio  float64           `json:"ratio"`
	Group  *int64            `json:"group"`
	Labels map[string]string `json:"labels"`
	Items  []sample          `json:"items"`
	Hidden string            `json:"-"`
}

func decode(t *testing.T, source string) (sample, strictyaml.Places, error) {
	t.Helper()
	doc, err := yamledit.Parse("x.yaml", 0, yamledit.Chunk{Text: []byte(source)})
	if err != nil {
		t.Fatal(err)
	}
	var s sample
	places, err := strictyaml.Decode(doc, &s)
	return s, places, err
}

func TestDecode(t *testing.T) {
	got, places, err := decode(t, `
labels: &l {a: 1, b: two}
items:
- <<: {name: base, flag: true}
  name: own
  labels: {<<: *l, b: "3"}
small: -3
ratio: 1
group: 7
`)
	if err != nil {
		t.Fatal(err)
	}
	group := int64(7)
	want := sample{
		Small: -3, Ratio: 1, Group: &group, Labels: map[string]string{"a": "1", "b": "two"},
		Items: []sample{{shared: shared{Name: "own"}, Flag: true, Labels: map[string]string{"a": "1", "b": "3"}}},
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(sample{})); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	for path, at := range map[string]strictyaml.Place{
		"small": {Line: 7, Column: 8}, "items[0].labels.b": {Line: 6, Column: 23}, "items[0].small": {Line: 4, Column: 3}, "none": {Line: 2, Column: 1},
	} {
		if got := places.Of(path); got != at {
			t.Errorf("%s: got %v", path, got)
		}
	}
}

// TestProblems makes sure that all faults are found, in the order of the file, and that the error has the first.
func TestProblems(t *testing.T) {
	_, _, err := decode(t, "namee: a\nsmall: 200\nratio: .inf\nhidden: x\nflag: yes\ngroup: 1.5\nlabels: {a: }\nitems: {}\nsmall: 1\n? [a]\n: b\n")
	var problems strictyaml.Problems
	if !errors.As(err, &problems) {
		t.Fatal(err)
	}
	var lines []string
	for _, p := range problems {
		lines = append(lines, p.Error())
	}
	want := `x.yaml:1:1: unknown key "namee": did you mean name?
x.yaml:2:8: small is the number 200, but must be a whole number
x.yaml:3:8: ratio is the number .inf, but must be a number
x.yaml:4:1: unknown key "hidden"
x.yaml:5:7: flag is "yes", but must be true or false
x.yaml:6:8: group is the number 1.5, but must be a whole number
x.yaml:7:13: a is empty, but must be a text
x.yaml:8:8: items is a mapping, but must be a list
x.yaml:9:1: duplicate key "small": the first is in line 2
x.yaml:10:3: a key must be a text`
	if d := cmp.Diff(want, strings.Join(lines, "\n")); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if !strings.HasPrefix(err.Error(), lines[0]+" (and 9 more)") {
		t.Errorf("the error is %s", err)
	}
}

// TestAliases makes sure that aliases cannot expand without a bound, and that values without aliases have none.
func TestAliases(t *testing.T) {
	bomb := "labels: {}\nitems:\n- &a0 {name: x}\n"
	for i := range 20 {
		bomb += fmt.Sprintf("- &a%d {items: [*a%d, *a%d]}\n", i+1, i, i)
	}
	for source, want := range map[string]string{
		bomb:                     "the aliases of the file expand to more than 100000 values",
		"items: [&a {<<: *a}]\n": "merge keys are nested more than 20 deep",
		"items:\n" + strings.Repeat("- {}\n", 200_000): "",
	} {
		_, _, err := decode(t, source)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.40q: got %v", source, err)
		}
	}
}
