package composefile

import (
	"bytes"
	"encoding/json"
	"fmt"

	"sigs.k8s.io/yaml"
)

// manifest writes the objects and the pod as one YAML stream.
func (c *converter) manifest() ([]byte, error) {
	var out bytes.Buffer
	for i, object := range append(c.objects, &c.pod) {
		text, err := write(object)
		if err != nil {
			return nil, fmt.Errorf("writing the manifest: %w", err)
		}
		if i > 0 {
			out.WriteString("---\n")
		}
		out.Write(text)
	}
	return out.Bytes(), nil
}

// write returns the YAML of an object without its empty fields.
func write(object any) ([]byte, error) {
	text, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, err
	}
	prune(fields)
	return yaml.Marshal(fields)
}

// prune removes null and empty mappings, which the API types write for fields that are not set.
func prune(v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, child := range v {
			prune(child)
			if m, ok := child.(map[string]any); child == nil || ok && len(m) == 0 && key != "emptyDir" {
				delete(v, key)
			}
		}
	case []any:
		for _, child := range v {
			prune(child)
		}
	}
}
