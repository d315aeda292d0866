package config

import (
	"reflect"
	"strings"
	"testing"
)

// TestFormatsOfSchema: the schema's values of format, which a tag spells, are those of Formats.
func TestFormatsOfSchema(t *testing.T) {
	field, ok := reflect.TypeFor[Outputs]().FieldByName("Format")
	if !ok {
		t.Fatal("Outputs has no Format")
	}
	want := "enum=" + strings.Join(Formats(), ",enum=")
	if got := field.Tag.Get("jsonschema"); got != want {
		t.Errorf("the tag is %s, want %s", got, want)
	}
}
