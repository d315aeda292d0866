package composefile

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

var (
	faultSteps = regexp.MustCompile(`^(?:validating [^:]*: |failed to parse [^:]*: |error while interpolating |yaml: )+|: invalid compose project$`)
	faultPath  = regexp.MustCompile(`\b(?:services|volumes|networks|configs|secrets)(?:\.[\w-]+|\[\d+\])+`)
	faultOwner = regexp.MustCompile(`\bservice "([^"]+)"`)
	faultLine  = regexp.MustCompile(`^line (\d+): `)
	faultWord  = regexp.MustCompile(`: (\S+)$`)
)

// fault words an error of the compose library: the line first, then the field, without the library's own steps.
func fault(name string, source []byte, err error) error {
	text := faultSteps.ReplaceAllString(strings.ReplaceAll(err.Error(), "\n", " "), "")
	for from, to := range map[string]string{" false schema": ": Compose has no such field", "required variable ": "the variable ", " is missing a value: ": " has no value: "} {
		text = strings.ReplaceAll(text, from, to)
	}
	line := 0
	if m := faultLine.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = strings.TrimPrefix(text, m[0])
	}
	var root yaml.Node
	if line == 0 && yaml.Unmarshal(source, &root) == nil && len(root.Content) > 0 {
		line = faultAt(root.Content[0], text)
	}
	if line == 0 {
		return fmt.Errorf("%s: %s", name, text)
	}
	return fmt.Errorf("%s:%d: %s", name, line, text)
}

// faultAt returns the line of the field, the service or the value that a message names; 0 if it names none.
func faultAt(root *yaml.Node, text string) int {
	if path := faultPath.FindString(text); path != "" {
		return lineOf(root, strings.FieldsFunc(path, func(r rune) bool { return strings.ContainsRune(".[]", r) }))
	}
	if m := faultOwner.FindStringSubmatch(text); m != nil {
		return lineOf(root, []string{"services", m[1]})
	}
	if m := faultWord.FindStringSubmatch(text); m != nil {
		return lineOfValue(root, m[1])
	}
	return 0
}

// lineOf returns the line of the key at a path, or of the last key that is there.
func lineOf(n *yaml.Node, path []string) int {
	line := 0
	for _, step := range path {
		var next *yaml.Node
		switch n.Kind {
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				if n.Content[i].Value == step {
					line, next = n.Content[i].Line, n.Content[i+1]
				}
			}
		case yaml.SequenceNode:
			if i, err := strconv.Atoi(step); err == nil && i < len(n.Content) {
				line, next = n.Content[i].Line, n.Content[i]
			}
		}
		if next == nil {
			return line
		}
		n = next
	}
	return line
}

// lineOfValue returns the line of the first scalar that is a word.
func lineOfValue(n *yaml.Node, word string) int {
	if n.Kind == yaml.ScalarNode && n.Value == word {
		return n.Line
	}
	for _, c := range n.Content {
		if line := lineOfValue(c, word); line > 0 {
			return line
		}
	}
	return 0
}
