package input

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/manifest"
)

// readParameters reads the values of parameters, NAME=VALUE.
func readParameters(given []string) (map[string]string, error) {
	out := map[string]string{}
	for _, word := range given {
		name, value, ok := strings.Cut(word, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--param %s: give NAME=VALUE", word)
		}
		out[name] = value
	}
	return out, nil
}

// checkParameters refuses a parameter that no container refers to.
func checkParameters(given map[string]string, files []*manifest.File) error {
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.ContainsFunc(files, func(f *manifest.File) bool { return f.UsesParameter(name) }) {
			return fmt.Errorf("--param %s has no effect: no container of a workflow or a task refers to it", name)
		}
	}
	return nil
}
