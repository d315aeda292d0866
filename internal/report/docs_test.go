package report

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDocumentedFields compares docs/report.md with the types: every type, every field, its JSON type, and whether it
// may be missing.
func TestDocumentedFields(t *testing.T) {
	page, err := os.ReadFile("../../docs/report.md")
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]map[string]string{}
	describe(reflect.TypeFor[Report](), types)
	if diff := cmp.Diff(types, documented(string(page))); diff != "" {
		t.Errorf("-in the types +in docs/report.md:\n%s", diff)
	}
	if !strings.Contains(string(page), "`"+Schema+"`") {
		t.Errorf("docs/report.md does not name the schema %s", Schema)
	}
}

// describe collects the fields of a struct type and of all that it holds.
func describe(typ reflect.Type, into map[string]map[string]string) {
	if into[typ.Name()] != nil {
		return
	}
	fields := map[string]string{}
	into[typ.Name()] = fields
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, opt, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		s := jsonType(f.Type, into)
		if opt == "omitempty" {
			s += ", optional"
		}
		fields[name] = s
	}
}

func jsonType(typ reflect.Type, into map[string]map[string]string) string {
	switch typ.Kind() {
	case reflect.Pointer:
		return jsonType(typ.Elem(), into) + " or null"
	case reflect.Slice:
		return "list of " + jsonType(typ.Elem(), into)
	case reflect.Map:
		return "map of " + jsonType(typ.Elem(), into)
	case reflect.Struct:
		describe(typ, into)
		return typ.Name()
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	default:
		return "number"
	}
}

var fieldRow = regexp.MustCompile("^\\| `([^`]+)` \\| ([^|]+) \\| [^|]+ \\|$")

// documented reads the tables of the page, by the heading that they stand under.
func documented(page string) map[string]map[string]string {
	out, under := map[string]map[string]string{}, ""
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "## "); ok {
			under = name
		}
		if m := fieldRow.FindStringSubmatch(line); m != nil {
			if out[under] == nil {
				out[under] = map[string]string{}
			}
			out[under][m[1]] = m[2]
		}
	}
	return out
}
