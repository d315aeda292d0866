package yamledit

import (
	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/json" // distinguishes "containers" from "Containers", as the API server does
)

// Decode reads a node as the API server of Kubernetes would read it. Unknown fields are ignored.
func (d *Document) Decode(n *yaml.Node, into any) error {
	v, err := d.Value(n)
	if err != nil {
		return err
	}
	return d.DecodeValue(n, v, into)
}

// DecodeValue is Decode for a node whose value is known.
func (d *Document) DecodeValue(n *yaml.Node, v, into any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return d.Fail(n, "no JSON can say this: %v", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		if located := typeError(d, n, text, into); located != nil {
			return located
		}
		return valueError(d, n, text, into, err)
	}
	return nil
}
