package yamledit

import (
	"encoding/base64"
	"errors"
	"reflect"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/json"
)

// maxSearched bounds the values that valueError tries.
const maxSearched = 2000

// valueError returns the error of a value that a type refuses for its content: a quantity, a time. Such errors have no
// place. The place is that of the scalar without which the decoder has no complaint. The error names its key, and not the
// scalar, which may be a secret. The text is the JSON of the node.
func valueError(d *Document, n *yaml.Node, text []byte, into any, err error) error {
	s := scalarSearch{into: reflect.TypeOf(into).Elem(), left: maxSearched}
	if json.Unmarshal(text, &s.root) == nil {
		if path := s.find(s.root, nil, func(any) {}); path != nil {
			return d.Fail(nodeAt(n, path), "%s is not what Kubernetes takes here: %s", lastKey(path), plainReason(err))
		}
	}
	return d.Fail(n, "not what Kubernetes takes here: %s", plainReason(err))
}

// lastKey returns the key that is nearest to the end of a path.
func lastKey(path []any) string {
	for _, step := range slices.Backward(path) {
		if key, ok := step.(string); ok {
			return key
		}
	}
	return "the value"
}

// plainReason words the errors of Go's packages that a user may see.
func plainReason(err error) string {
	if bad := new(time.ParseError); errors.As(err, &bad) {
		return "it is not a time like 2006-01-02T15:04:05Z"
	}
	var bad base64.CorruptInputError
	if errors.As(err, &bad) {
		return "it is not base64"
	}
	return err.Error()
}

// scalarSearch looks for the string that makes a value undecodable.
type scalarSearch struct {
	root any
	into reflect.Type
	left int
}

// find returns the path of the string; nil if there is none. set changes v in its parent.
func (s *scalarSearch) find(v any, path []any, set func(any)) (found []any) {
	switch v := v.(type) {
	case map[string]any:
		for key, child := range v {
			if found = s.find(child, append(path[:len(path):len(path)], key), func(x any) { v[key] = x }); found != nil {
				return found
			}
		}
	case []any:
		for i, child := range v {
			if found = s.find(child, append(path[:len(path):len(path)], i), func(x any) { v[i] = x }); found != nil {
				return found
			}
		}
	case string:
		if s.left--; s.left < 0 {
			return nil
		}
		set(nil)
		defer set(v)
		if s.decodes() {
			return path
		}
	}
	return nil
}

func (s *scalarSearch) decodes() bool {
	text, err := json.Marshal(s.root)
	return err == nil && json.Unmarshal(text, reflect.New(s.into).Interface()) == nil
}
