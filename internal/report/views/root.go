package views

import (
	"os"
	"path/filepath"
)

// fromRoot returns the path of a file as a forge shows it: relative to the root of the repository that a CI server checked out,
// else to the working directory. A file elsewhere keeps its path. It is empty for what is no file: the name of something that was
// built, such as a chart, or a service of a Compose file.
func fromRoot(file string) string {
	absolute, err := filepath.Abs(file)
	if err != nil {
		return file
	}
	if _, err := os.Stat(absolute); err != nil {
		return ""
	}
	for _, root := range []string{os.Getenv("GITHUB_WORKSPACE"), os.Getenv("CI_PROJECT_DIR"), "."} {
		if root == "" {
			continue
		}
		if root, err = filepath.Abs(root); err != nil {
			continue
		}
		if rel, err := filepath.Rel(root, absolute); err == nil && filepath.IsLocal(rel) {
			return filepath.ToSlash(rel)
		}
	}
	return filepath.ToSlash(file)
}
