package yamledit

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The text of a value starts behind its tag and anchor, and ends at its last character, also where nothing follows.
func TestTextOfValues(t *testing.T) {
	for source, want := range map[string]string{
		"v: word":                         "word",
		"v: two words # comment\n":        "two words",
		"v: two\n  lines\nw: 1\n":         "two\n  lines",
		"v: 'it''s'":                      "'it''s'",
		"v: ''":                           "''",
		"v: \"a\\\"b\"":                   "\"a\\\"b\"",
		"v: &a word":                      "word",
		"v: !!str &a word":                "word",
		"v: &a !!str word":                "word",
		"v: !<tag:yaml.org,2002:str> x":   "x",
		"v: &a\n  word\n":                 "word",
		"v: &a # comment\n  word\n":       "word",
		"v: &a":                           "",
		"v: !!str":                        "",
		"v: !!str &a":                     "",
		"v: &a !!str\n":                   "",
		"v:":                              "",
		"v:\n":                            "",
		"v: &a {b: 1}":                    "{b: 1}",
		"v: [a, b]":                       "[a, b]",
		"v: [a, b, ]":                     "[a, b, ]",
		"v: [a, # comment\n b ,\n]":       "[a, # comment\n b ,\n]",
		"v: {a: [1], b: {}}":              "{a: [1], b: {}}",
		"v: []":                           "[]",
		"v: {}\n":                         "{}",
		"v: |\n  a\n  b\n":                "|\n  a\n  b",
		"v: |\n  a\n\n\nw: 1\n":           "|\n  a",
		"v: |+\n  a\n\nw: 1\n":            "|+\n  a\n",
		"v: |1\n  a\n b\nw: 1\n":          "|1\n  a\n b",
		"v: |9\n         a\nw: 1\n":       "|9\n         a",
		"v: |9\n           a\n         b": "|9\n           a\n         b",
		"v: >- # 3\n  a\n":                ">- # 3\n  a",
		"v: |\n\n   a\n   b\n":            "|\n\n   a\n   b",
		"v: |\n":                          "|",
		"v: |\nw: 1\n":                    "|",
		"v: *x\nw: 1\n":                   "*x",
		"v: \u00e9\n":                     "\u00e9",
		"\u00e9: 1\nv: x\n":               "x",
		"{\u00e9: 1, v: x}":               "x",
		"v:\n- a\n- b: c\n":               "- a\n- b: c",
		"v:\n  a: 1\n  b: 2\nw: 1\n":      "a: 1\n  b: 2",
	} {
		if strings.Contains(source, "*x") {
			source = "x: &x 1\n" + source
		}
		d := document(t, source)
		_, n, ok := Lookup(d.Root, "v")
		if !ok {
			t.Fatalf("%q has no v", source)
		}
		start, err := d.Start(n)
		if err != nil {
			t.Errorf("%q: %v", source, err)
			continue
		}
		end, err := d.End(n, 0)
		if err != nil {
			t.Errorf("%q: %v", source, err)
			continue
		}
		if got := source[start:end]; got != want {
			t.Errorf("%q: %q, want %q", source, got, want)
		}
	}
}

// A text that breaks off within a value, as it would after a fault of the parser, is an error.
func TestTextOfCutValues(t *testing.T) {
	for source, kept := range map[string]int{
		"v: [a, b]": 8, "v: [a, # c\n]": 11, "v: [a,]": 6, "v: {a: 1}": 8, "v: 'it''s'": 9, "v: \"a\\\"b\"": 8, "v: two words": 7, "v: word": 4, "u: 1\nv: x": 6,
	} {
		d := document(t, source)
		_, n, _ := Lookup(d.Root, "v")
		d.Text = d.Text[:kept]
		if end, err := d.End(n, 0); err == nil {
			t.Errorf("%q has an end at %d", d.Text, end)
		}
	}
	d := document(t, "v: 1\n")
	if at, err := d.Position(&yaml.Node{Line: 2, Column: 2}); err == nil {
		t.Errorf("line 2 of a text with one line is at %d", at)
	}
}

// The Kubernetes tools read YAML 1.1.
func TestDirectives(t *testing.T) {
	const refused = "the document declares YAML 1.2, but the Kubernetes tools read YAML 1.1 only: remove the directive"
	for source, want := range map[string]string{
		"%YAML 1.1\n---\na: 1\n":      "",
		"%YAML 1.2\n---\na: 1\n":      "in.yaml:1: " + refused,
		"# c\n%YAML 1.2\n---\na: 1\n": "in.yaml:2: " + refused,
		"%TAG ! !a\n---\na: 1\n":      "",
		"%YAML\n---\na: 1\n":          "in.yaml:1: not YAML: did not find expected version number",
		"---\na: |\n  %YAML 1.2\n":    "",
		"a: %YAML 1.2\n":              "in.yaml:1: not YAML: found character that cannot start any token",
		"a: b\n YAML 1.2\n":           "",
		"a: 1\n---\nb: 1\n":           "in.yaml:1: two documents without '---' between them",
	} {
		_, err := Parse("in.yaml", 0, Chunk{Text: []byte(source)})
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", source, got, want)
		}
	}
}

// A path into an index that no list has stops before it, and so does one into what is no list.
func TestNodeAt(t *testing.T) {
	d := document(t, "a: &l [x, y]\nb: *l\nc: 1\n")
	for _, c := range []struct {
		path []any
		want string
	}{
		{[]any{"a", 1}, "y"}, {[]any{"b", 0}, "x"}, {[]any{"b", 2}, ""}, {[]any{"c", 0}, "1"}, {[]any{"none"}, ""},
	} {
		n := nodeAt(d.Root, c.path)
		if n.Value != c.want {
			t.Errorf("%v: %q, want %q", c.path, n.Value, c.want)
		}
	}
}

// The style of a list is that of the document: its indent and its dashes.
func TestStyleOf(t *testing.T) {
	for source, want := range map[string]Style{
		"a: 1\nlist:\n- x\n":                  {step: 2, dash: 0, gap: 2},
		"a: 1\nlist:\n  -   x\n":              {step: 2, dash: 2, gap: 4},
		"a:\n    b: 1\nlist:\n    - x\n":      {step: 4, dash: 4, gap: 2},
		"a: {b: 1}\nc:\n   d: 1\nlist: [x]\n": {step: 3, dash: 0, gap: 2},
		"list:\n-\n  x\n":                     {step: 2, dash: 0, gap: 2},
		"a: []\n":                             {step: 2, dash: 0, gap: 2},
		"a:\n- b:\n     c: 1\n":               {step: 3, dash: 0, gap: 2},
		"a: {}\nb:\n   c: 1\n":                {step: 3, dash: 0, gap: 2},
		"? a\n: b: 1\nc:\n    d: 1\n":         {step: 4, dash: 0, gap: 2},
		"a:\n- x\n-     b:\n         c: 1\n":  {step: 3, dash: 0, gap: 2},
	} {
		d := document(t, source)
		if got := d.StyleOf(d.Root, "list"); got != want {
			t.Errorf("%q: %+v, want %+v", source, got, want)
		}
	}
}
