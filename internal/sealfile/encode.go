package sealfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"

	"go.yaml.in/yaml/v3"
)

// head starts each document.
const head = "Written by podseal, read by podseal check: keep it next to the manifest, in version control."

// runComment stands above the key run.
const runComment = "The rest changes from run to run."

// Encode returns seals as a stream of YAML documents. Equal seals give equal bytes.
func Encode(seals ...Seal) ([]byte, error) {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	for _, s := range seals {
		n, err := nodeOf(s)
		if err != nil {
			return nil, err
		}
		n.HeadComment = head
		for i := 0; i < len(n.Content); i += 2 {
			if n.Content[i].Value == "run" {
				n.Content[i].HeadComment = runComment
			}
		}
		if err := enc.Encode(n); err != nil {
			return nil, fmt.Errorf("writing the seal of %s: %w", s.Title(), err)
		}
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("writing a seal: %w", err)
	}
	return b.Bytes(), nil
}

// otherIn11 matches texts that YAML 1.1 reads as a boolean or a number, and YAML 1.2 as a string.
var otherIn11 = regexp.MustCompile(`^(?i:y|yes|n|no|on|off)$|^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$`)

// nodeOf returns a value as the YAML of its JSON, with the fields in their order.
func nodeOf(v any) (*yaml.Node, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("writing a seal: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return readNode(decoder)
}

// readNode reads one JSON value.
func readNode(decoder *json.Decoder) (*yaml.Node, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, fmt.Errorf("writing a seal: %w", err)
	}
	switch t := token.(type) {
	case json.Delim:
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		if t == '[' {
			n = &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		}
		for decoder.More() {
			item, err := readNode(decoder)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, item)
		}
		_, err := decoder.Token()
		return n, err //nolint:wrapcheck // cannot fail: the JSON was just written
	case string:
		n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: t}
		if otherIn11.MatchString(t) {
			n.Style = yaml.DoubleQuotedStyle
		}
		return n, nil
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: fmt.Sprint(t)}, nil
	case json.Number:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: t.String()}, nil
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}, nil
}
