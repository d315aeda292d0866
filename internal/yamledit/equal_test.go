package yamledit

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Equals agrees with Value wherever it reports true, and reports true for everything without aliases and merge keys.
func TestEquals(t *testing.T) {
	many := ""
	for i := range 40 {
		many += fmt.Sprintf("k%d: %d\n", i, i)
	}
	for _, c := range []struct {
		text  string
		other string // a text without aliases and merge keys, with another value
		never bool   // an alias or a merge key stands there
	}{
		{text: "a: 1\nb: [x, {c: on}, ~, 1.5]\n", other: "a: 1\nb: [x, {c: off}, ~, 1.5]\n"},
		{text: "a: 1\n", other: "a: '1'\n"},
		{text: "a: {}\n", other: "a: []\n"},
		{text: "a: [1]\n", other: "a: [1, 2]\n"},
		{text: "a: 1\n", other: "a: 1\nb: 2\n"},
		{text: many, other: strings.Replace(many, "k7:", "k77:", 1)},
		{text: "a: &x {b: 1}\nc: *x\n", other: "a: 1\n", never: true},
		{text: "a: {<<: {b: 1}, c: 2}\n", other: "a: 1\n", never: true},
		{text: "a: {<<: {b: 1}}\n", other: "a: {\"<<\": {b: 1}}\n", never: true},
	} {
		d, other := document(t, c.text), document(t, c.other)
		v, err1 := d.Value(d.Root)
		w, err2 := other.Value(other.Root)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if got := d.Equals(d.Root, v); got == c.never {
			t.Errorf("%q means itself: %v", c.text, got)
		}
		if other.Equals(other.Root, v) || d.Equals(d.Root, w) {
			t.Errorf("%q means %q", c.other, c.text)
		}
	}
	// Two keys that are one to the tools of Kubernetes, and a value with another key.
	d := document(t, "on: 1\n\"true\": 1\n")
	if d.Equals(d.Root, map[string]any{"true": int64(1), "x": int64(2)}) {
		t.Error("a key that is there twice counts as two")
	}
	d = document(t, "? [a]\n: 1\n")
	if d.Equals(d.Root, map[string]any{"": int64(1)}) {
		t.Error("a key that is a list counts as an empty one")
	}
}

func document(t *testing.T, text string) *Document {
	t.Helper()
	d, err := Parse("in.yaml", 0, Chunk{Text: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return d
}
