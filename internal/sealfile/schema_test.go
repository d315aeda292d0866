package sealfile_test

import (
	"testing"

	generator "github.com/invopop/jsonschema"

	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/golden/schematest"
	"github.com/podseal/podseal/internal/sealfile"
)

// TestPublishedSchema compares docs/schema with the type.
func TestPublishedSchema(t *testing.T) {
	golden.File(t, "../../docs/schema/seal.json", schemaText(t))
}

// TestSchemaRefuses makes sure that the schema is not satisfied by anything.
func TestSchemaRefuses(t *testing.T) {
	schema := schematest.Compile(t, schemaText(t))
	for name, change := range map[string]func(map[string]any){
		"a field is missing": func(m map[string]any) { delete(m, "image") },
		"an unknown key":     func(m map[string]any) { m["extra"] = "x" },
		"another version":    func(m map[string]any) { m["version"] = "podseal.seal/v2" },
		"a list of numbers":  func(m map[string]any) { m["notExercised"] = []any{1.0} },
	} {
		doc := schematest.YAML(t, encoded(t, someSeal()))
		if err := schema.Validate(doc); err != nil {
			t.Fatal(err)
		}
		change(doc.(map[string]any))
		if schema.Validate(doc) == nil {
			t.Errorf("%s: it is valid", name)
		}
	}
}

func schemaText(t *testing.T) []byte {
	t.Helper()
	r := generator.Reflector{ExpandedStruct: true, Anonymous: true}
	for _, dir := range []string{".", "../profile"} {
		if err := r.AddGoComments("github.com/podseal/podseal/internal/sealfile", dir); err != nil {
			t.Fatal(err)
		}
	}
	s := r.Reflect(sealfile.Seal{})
	s.Title = sealfile.Version
	return schematest.Text(t, s)
}

func encoded(t *testing.T, seals ...sealfile.Seal) []byte {
	t.Helper()
	text, err := sealfile.Encode(seals...)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
