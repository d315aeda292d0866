package yamledit

import (
	"fmt"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const pathSource = `
spec:
  containers:
  - name: a
    env: [{name: x}]
  - name: b
  shared: &s {image: i}
alias: *s
merged:
  <<: *s
  own: 1
"dotted.key": {image: no}
"": {image: no}
`

func parsePathSource(t *testing.T, source string) *Document {
	t.Helper()
	d, err := Parse("in", 0, Chunk{Text: []byte(source)})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestParsePath(t *testing.T) {
	for path, want := range map[string]string{
		"spec": "spec", ".spec.template": "spec.template", "items[2].spec": "items[2].spec", "items[0]": "items[0]", "items[*].*": "items[*].*",
		"": "error", "a..b": "error", "[1]": "error", "a[x]": "error", "a[-1]": "error", "a[1": "error", "a[]": "error", "a[*": "error",
	} {
		steps, err := ParsePath(path)
		got := FormatPath(steps)
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q: %s, want %s", path, got, want)
		}
	}
}

// Walk stops at aliases and at what a merge key brings; ValueAt follows both.
func TestWalkAndValueAt(t *testing.T) {
	d := parsePathSource(t, pathSource)
	for _, c := range []struct {
		path   string
		line   int // of what Walk finds; 0 if it finds none
		value  string
		exists bool
	}{
		{"spec.containers[1].name", 6, "b", true},
		{"spec.containers[0].env[0]", 5, "map[name:x]", true},
		{"spec.containers[2]", 0, "", false},
		{"spec.containers.name", 0, "", false},
		{"spec[0]", 0, "", false},
		{"spec.absent", 0, "", false},
		{"spec.absent.name", 0, "", false},
		{"spec.containers[0].name.deeper", 0, "", false},
		{"alias.image", 0, "i", true},
		{"merged.image", 0, "i", true},
		{"merged.own", 11, "1", true},
	} {
		steps, err := ParsePath(c.path)
		if err != nil {
			t.Fatal(err)
		}
		n, ok := Walk(d.Root, steps)
		if ok != (c.line > 0) || ok && n.Line != c.line {
			t.Errorf("%s: Walk finds %v, want line %d", c.path, n, c.line)
		}
		if v, exists := d.ValueAt(steps); exists != c.exists || exists && fmt.Sprint(v) != c.value {
			t.Errorf("%s: the value is %v %v, want %q", c.path, v, exists, c.value)
		}
	}
	if n, ok := Walk(parsePathSource(t, "# nothing\n").Root, []Step{{Key: "a"}}); ok {
		t.Errorf("an empty document has %v", n)
	}
	if n, ok := Walk(parsePathSource(t, "[a, 1]").Root, []Step{{Key: "a"}}); ok {
		t.Errorf("a list has the key a: %v", n)
	}
	if v, ok := parsePathSource(t, "a: 1\na: 2\n").ValueAt([]Step{{Key: "a"}}); ok {
		t.Errorf("a document without a value has %v", v)
	}
}

func TestExpand(t *testing.T) {
	d := parsePathSource(t, pathSource)
	for pattern, want := range map[string]string{
		"spec.containers[*].name":   "spec.containers[0].name spec.containers[1].name",
		"spec.containers[*].env[*]": "spec.containers[0].env[0]",
		"spec.containers[1].name":   "spec.containers[1].name",
		"spec[*]":                   "",
		"spec.containers.*":         "",
		"spec.*":                    "spec.containers spec.shared",
		"*.own":                     "merged.own",
		"merged.*":                  "merged.own",
		"*.image":                   "", // no key with a dot, no alias, nothing that a merge key brings
	} {
		steps, err := ParsePath(pattern)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range Expand(d.Root, steps) {
			got = append(got, FormatPath(p))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", pattern, got, want)
		}
		if IsPattern(steps) != strings.Contains(pattern, "*") {
			t.Errorf("%s: IsPattern is %v", pattern, IsPattern(steps))
		}
	}
}

func TestTarget(t *testing.T) {
	d := parsePathSource(t, pathSource)
	_, alias, _ := Lookup(d.Root, "alias")
	if got := Target(alias); got.Kind != yaml.MappingNode || got.Anchor != "s" {
		t.Errorf("the alias stands for %+v", got)
	}
	dangling, looped := &yaml.Node{Kind: yaml.AliasNode}, &yaml.Node{Kind: yaml.AliasNode}
	looped.Alias = looped
	for _, n := range []*yaml.Node{nil, d.Root, dangling, looped} {
		if got := Target(n); got != n {
			t.Errorf("%+v stands for %+v", n, got)
		}
	}
}

// Values on which tools differ, or that have no end, are errors that name the line.
func TestValueErrors(t *testing.T) {
	for source, want := range map[string]string{
		"a: 1\na: 2\n":                       `in:2: key "a" is a duplicate; tools differ on the one that counts: remove one`,
		"a: &x [*x]\n":                       `in:1: anchor "x" contains itself`,
		"[a]: 1\n":                           `in:1: a key that is not a plain word`,
		"null: 1\n":                          `in:1: a key that is not a plain word: put "null" in quotes`,
		"x: 1\n<<: 5\n":                      `in:2: a merge key takes a mapping`,
		"s: &s {b: 1}\nm:\n  b: 2\n  <<: *s": `in:3: key "b" stands before the merge key that brings it too; tools differ on the one that counts: move '<<' to the front`,
		"s: &s {b: 1}\nm:\n  <<: *s\n  b: 2": "",
		"a: !!int x\n":                       `in:1: reading "x": `,
	} {
		d := parsePathSource(t, source)
		_, err := d.Value(d.Root)
		if (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", source, err, want)
		}
	}
	const ten = "[*x, *x, *x, *x, *x, *x, *x, *x, *x, *x]\n"
	source := "a0: &a0 [1]\n"
	for i := range 9 {
		source += fmt.Sprintf("a%d: &a%d %s", i+1, i+1, strings.ReplaceAll(ten, "x", fmt.Sprintf("a%d", i)))
	}
	d := parsePathSource(t, source)
	if _, err := d.Value(d.Root); err == nil || !strings.HasSuffix(err.Error(), "aliases multiply this document beyond reason") {
		t.Errorf("aliases of aliases: %v", err)
	}
}

func TestMerges(t *testing.T) {
	for source, want := range map[string]bool{"<<: {a: 1}": true, "b: 1\n<<: {a: 1}": true, "a: 1": false, `"<<": {a: 1}`: false, "a: '<<'": false} {
		if got := Merges(parsePathSource(t, source).Root); got != want {
			t.Errorf("%q: %v", source, got)
		}
	}
}

func TestCheckEncoding(t *testing.T) {
	for source, want := range map[string]string{
		"a: é\n": "", "": "", "\xff\xfea": "in:1: this is UTF-16", "\xfe\xffa": "in:1: this is UTF-16", "a\nb \xff\nc\n": "in:2: not UTF-8 text", "\xc3": "in:1: not UTF-8 text",
	} {
		err := CheckEncoding("in", []byte(source))
		if (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", source, err, want)
		}
	}
}

// A document has the line break of the line at a place, else that of its first line.
func TestBreak(t *testing.T) {
	for _, c := range []struct {
		source string
		at     int
		want   string
	}{{"a: 1\r\nb: 2\n", 0, "\r\n"}, {"a: 1\r\nb: 2\n", 7, "\n"}, {"a: 1\r\nb: 2", 7, "\r\n"}, {"a: 1", 0, "\n"}, {"a: 1\r", 0, "\r"}, {"a: 1\u2028b: 2", 0, "\n"}} {
		if got := parsePathSource(t, c.source).Break(c.at); got != c.want {
			t.Errorf("%q at %d: %q, want %q", c.source, c.at, got, c.want)
		}
	}
}
