package draft

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/config"
)

// looksLikeFile reports whether a name that does not exist is that of a file or a folder rather than of an image.
func looksLikeFile(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name)) || filepath.IsAbs(name) || strings.HasPrefix(name, ".") || strings.HasSuffix(name, "/")
}

// imageName returns the last part of an image's name, without tag and digest.
func imageName(image string) string {
	image, _, _ = strings.Cut(image, "@")
	image = image[strings.LastIndex(image, "/")+1:]
	image, _, _ = strings.Cut(image, ":")
	return image
}

// uniqueNames makes the names of targets differ: by their objects, else by numbers.
func uniqueNames(all []config.DraftTarget) []config.DraftTarget {
	uses := map[string]int{}
	for _, t := range all {
		uses[t.Name]++
	}
	taken := map[string]bool{}
	for i := range all {
		t := &all[i]
		if _, object, ok := strings.Cut(t.Select, "/"); uses[t.Name] > 1 && ok && object != t.Name {
			t.Name = config.NameOf(object + "-" + t.Name)
		}
		base := t.Name
		for n := 2; taken[t.Name]; n++ {
			suffix := fmt.Sprintf("-%d", n)
			t.Name = strings.TrimRight(base[:min(len(base), 63-len(suffix))], "-") + suffix
		}
		taken[t.Name] = true
	}
	return all
}
