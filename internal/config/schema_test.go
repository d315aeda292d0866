package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	generator "github.com/invopop/jsonschema"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/golden/schematest"
)

// TestPublishedSchema compares the schema in the binary and the one in docs with the types.
func TestPublishedSchema(t *testing.T) {
	text := generated(t)
	golden.File(t, "config-v1.json", text)
	golden.File(t, "../../docs/schema/config-v1.json", text)
}

// TestSchemaAgrees makes sure that the schema accepts what Parse accepts, and refuses wrong keys and types.
func TestSchemaAgrees(t *testing.T) {
	schema := schematest.Compile(t, Schema())
	for file, valid := range map[string]bool{
		"full": true, "unknown": false, "types": false, "missing": false,
	} {
		a, err := txtar.ParseFile(filepath.Join("testdata", file+".txtar"))
		if err != nil {
			t.Fatal(err)
		}
		text := golden.Section(a, "podseal.yaml")
		if err := schema.Validate(schematest.YAML(t, []byte(text))); (err == nil) != valid {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestSchemaRefuses makes sure that each value alone is refused.
func TestSchemaRefuses(t *testing.T) {
	schema := schematest.Compile(t, Schema())
	for _, c := range []struct{ key, value string }{
		{"image", "[a]"},
		{"image", "a, manifest: b"},
		{"container", "7"},
		{"ports", "[0]"},
		{"ports", "[a]"},
		{"name", "A"},
		{"zebra", "1"},
		{"env", "[A=B]"},
		{"env", "{A: [b]}"},
		{"soak", "10"},
		{"timeout", "soon"},
		{"strict", "1"},
		{"commands", "x"},
		{"commands", "[{}]"},
		{"commands", "[{suite: a}]"},
		{"commands", "[{exec: a, suite: b}]"},
		{"commands", "[1]"},
		{"needs", "[{}]"},
		{"needs", "[[a]]"},
		{"accept", "[{setting: a}]"},
		{"accept", "[{setting: a, reason: b, expires: soon}]"},
		{"outputs", "{format: xml}"},
		{"ready", "{http: a}"},
		{"entrypoint", "{}"},
	} {
		values := map[string]string{"name": "a", "image": "b", "commands": "[]", c.key: c.value}
		text := "version: 1\ntargets:\n- {name: a, image: b, commands: []}\n- {"
		for key, value := range values {
			text += key + ": " + value + ", "
		}
		if schema.Validate(schematest.YAML(t, []byte(text+"}\n"))) == nil {
			t.Errorf("%s: %s is valid", c.key, c.value)
		}
	}
}

// generated returns the schema of the types, with their comments as descriptions.
func generated(t *testing.T) []byte {
	t.Helper()
	r := generator.Reflector{ExpandedStruct: true, Anonymous: true, Mapper: ownSchema}
	if err := r.AddGoComments("github.com/podseal/podseal/internal/config", "."); err != nil {
		t.Fatal(err)
	}
	s := r.Reflect(File{})
	s.ID, s.Title = generator.ID(SchemaURL), "podseal.yaml, version 1"
	s.PatternProperties = map[string]*generator.Schema{"^x-": {Description: "Ignored: a place for anchors."}}
	version, _ := s.Properties.Get("version")
	version.Const = Version
	target := s.Definitions["Target"]
	target.OneOf = []*generator.Schema{{Required: []string{"image"}}, {Required: []string{"manifest"}}}
	step := s.Definitions["Step"]
	step.Required = []string{"exec"}
	s.Definitions["Step"] = either(text(), step)
	s.Definitions["Command"] = commandSchema(s.Definitions["Command"])
	s.Definitions["Need"] = either(text(), s.Definitions["Need"])
	return schematest.Text(t, s)
}

func text() *generator.Schema { return &generator.Schema{Type: "string", MinLength: one()} }

func one() *uint64 {
	n := uint64(1)
	return &n
}

func either(all ...*generator.Schema) *generator.Schema { return &generator.Schema{OneOf: all} }

// commandSchema returns the schema of a command: a text, a mapping with exec alone, or a suite with its commands.
func commandSchema(fields *generator.Schema) *generator.Schema {
	exec, _ := fields.Properties.Get("exec")
	inside := &generator.Schema{Type: "object", Properties: generator.NewProperties(), Required: []string{"exec"}, AdditionalProperties: generator.FalseSchema}
	inside.Properties.Set("exec", exec)
	fields.Properties.Delete("exec")
	fields.Required = []string{"suite", "commands"}
	return either(text(), inside, fields)
}

// ownSchema returns the schema of a type that reads its node itself; nil for any other type.
func ownSchema(t reflect.Type) *generator.Schema {
	texts := &generator.Schema{Type: "array", Items: text()}
	switch t {
	case reflect.TypeFor[Text]():
		return either(text(), &generator.Schema{Type: "integer"})
	case reflect.TypeFor[Words](), reflect.TypeFor[Paths]():
		return either(text(), texts)
	case reflect.TypeFor[Duration]():
		return &generator.Schema{Type: "string", Pattern: `^(0|([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h))+$`}
	case reflect.TypeFor[Date]():
		return &generator.Schema{Type: "string", Pattern: `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`}
	case reflect.TypeFor[[]int](): // the ports
		return &generator.Schema{Type: "array", Items: &generator.Schema{Type: "integer", Minimum: "1", Maximum: "65535"}}
	case reflect.TypeFor[Env]():
		value := either(&generator.Schema{Type: "string"}, &generator.Schema{Type: "number"}, &generator.Schema{Type: "boolean"}, &generator.Schema{Type: "null"})
		return &generator.Schema{Type: "object", AdditionalProperties: value}
	}
	return nil
}

// TestDocumentedExample: the file in docs/many-targets.md is valid, for Parse and for the schema.
func TestDocumentedExample(t *testing.T) {
	page, err := os.ReadFile("../../docs/many-targets.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "```yaml\n")
	text, _, found := strings.Cut(text, "```")
	if _, err := Parse("podseal.yaml", []byte(text)); err != nil || !found {
		t.Error(err)
	}
	if err := schematest.Compile(t, Schema()).Validate(schematest.YAML(t, []byte(text))); err != nil {
		t.Error(err)
	}
	if err := schematest.Compile(t, Schema()).Validate(schematest.YAML(t, draft().Text())); err != nil {
		t.Error(err)
	}
}
