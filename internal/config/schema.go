package config

import (
	_ "embed"
	"slices"
)

// SchemaURL is where the schema is published.
const SchemaURL = "https://raw.githubusercontent.com/podseal/podseal/main/docs/schema/config-v1.json"

// SchemaComment is the line that makes editors check a podseal.yaml with the schema.
const SchemaComment = "# yaml-language-server: $schema=" + SchemaURL

//go:embed config-v1.json
var schema []byte

// Schema returns the JSON schema of a podseal.yaml, version 1.
func Schema() []byte { return slices.Clone(schema) }
