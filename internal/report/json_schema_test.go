package report

import (
	"bytes"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	generator "github.com/invopop/jsonschema"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/golden/schematest"
	"github.com/podseal/podseal/internal/seal"
)

// published are the values whose JSON schema is in docs/schema.
var published = map[string]struct {
	title string
	value any
}{
	"report.json":  {Schema, Report{}},
	"reports.json": {SeveralSchema, Several{}},
	"check.json":   {CheckSchema, Check{}},
}

// TestPublishedSchemas compares docs/schema with the types.
func TestPublishedSchemas(t *testing.T) {
	for file := range published {
		golden.File(t, filepath.Join("../../docs/schema", file), schemaOf(t, file))
	}
}

// TestJSONKeepsItsSchema validates the JSON of each fixture.
func TestJSONKeepsItsSchema(t *testing.T) {
	report, several := schematest.Compile(t, schemaOf(t, "report.json")), schematest.Compile(t, schemaOf(t, "reports.json"))
	all := fixtures()
	all["empty"] = seal.Result{Rounds: []seal.Round{{}}}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		r := New(all[name])
		for schema, v := range map[*jsonschema.Schema]any{report: r, several: NewSeveral([]Report{r, r})} {
			if err := schema.Validate(schematest.Value(t, v)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestCheckKeepsItsSchema validates the JSON of checks.
func TestCheckKeepsItsSchema(t *testing.T) {
	schema := schematest.Compile(t, schemaOf(t, "check.json"))
	for name, d := range map[string]Document{
		"empty":    NewCheckDocument("", nil, nil, nil),
		"findings": checkDocument(),
	} {
		var b bytes.Buffer
		if err := d.JSON(&b); err != nil {
			t.Fatal(err)
		}
		doc := schematest.JSON(t, b.Bytes())
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		doc.(map[string]any)["findings"] = nil
		if schema.Validate(doc) == nil {
			t.Errorf("%s: a list that is null is valid", name)
		}
	}
}

// TestSchemaRefuses makes sure that the schema of the report is not satisfied by anything.
func TestSchemaRefuses(t *testing.T) {
	schema := schematest.Compile(t, schemaOf(t, "report.json"))
	for name, change := range map[string]func(map[string]any){
		"a field is missing":   func(m map[string]any) { delete(m, "verdict") },
		"a field is a number":  func(m map[string]any) { m["why"] = 7 },
		"a list is null":       func(m map[string]any) { m["rounds"] = nil },
		"an element is a text": func(m map[string]any) { m["losses"] = []any{"x"} },
	} {
		doc := schematest.Value(t, New(sealed())).(map[string]any)
		change(doc)
		if schema.Validate(doc) == nil {
			t.Errorf("%s: it is valid", name)
		}
	}
}

// schemaOf generates the schema of a published value, with the comments of the types as descriptions.
func schemaOf(t *testing.T, file string) []byte {
	t.Helper()
	r := generator.Reflector{ExpandedStruct: true, AllowAdditionalProperties: true, Anonymous: true}
	if err := r.AddGoComments("github.com/podseal/podseal/internal/report", "."); err != nil {
		t.Fatal(err)
	}
	s := r.Reflect(published[file].value)
	s.Title = published[file].title
	return schematest.Text(t, s)
}
