package strictyaml

import (
	"strconv"
	"strings"
)

// Place is a position in a file. Line and Column count from 1.
type Place struct{ Line, Column int }

// Places are the places of the values of a document, by their paths: "targets[0].image".
type Places map[string]Place

// Of returns where a value stands. For a value that the document does not hold it is the place of the nearest value around it.
func (p Places) Of(path string) Place {
	for {
		if at, ok := p[path]; ok {
			return at
		}
		if path == "" {
			return Place{1, 1}
		}
		path = parentPath(path)
	}
}

// ChildPath returns the path of a key below a path. A key with a dot, a bracket or a quotation mark is quoted.
func ChildPath(path, key string) string {
	if strings.ContainsAny(key, ".[]\"") {
		return path + "[" + strconv.Quote(key) + "]"
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// parentPath returns a path without its last step.
func parentPath(path string) string {
	if i := quotedStep(path); i >= 0 {
		return path[:i]
	}
	return path[:max(0, strings.LastIndexAny(path, ".["))]
}

// quotedStep returns the index of the last step of a path if it is a quoted key, else -1.
func quotedStep(path string) int {
	if !strings.HasSuffix(path, `"]`) {
		return -1
	}
	return strings.LastIndex(path, `["`)
}

// LastStep returns the last key of a path; an item of a list is named with its index.
func LastStep(path string) string {
	if i := quotedStep(path); i >= 0 {
		key, _ := strconv.Unquote(path[i+1 : len(path)-1])
		return key
	}
	return path[strings.LastIndexByte(path, '.')+1:]
}
