package archtest

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDependenciesAreExplained makes sure that docs/dependencies.md has one line for each module that the project's own
// packages import, and no other.
func TestDependenciesAreExplained(t *testing.T) {
	page, err := os.ReadFile("../../docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	var explained []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(string(page), -1) {
		explained = append(explained, m[1])
	}
	imported := directModules(t)
	for _, m := range imported {
		if !slices.Contains(explained, m) {
			t.Errorf("docs/dependencies.md does not say why the project needs %s", m)
		}
	}
	for _, m := range explained {
		if !slices.Contains(imported, m) {
			t.Errorf("docs/dependencies.md explains %s, which nothing imports", m)
		}
	}
}

// directModules returns the modules of the packages that the project imports itself, tests included.
func directModules(t *testing.T) []string {
	t.Helper()
	var paths []string
	for _, p := range packages(t) {
		for _, path := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			first, _, _ := strings.Cut(path, "/")
			if strings.Contains(first, ".") && !strings.HasPrefix(path, module) {
				paths = append(paths, path)
			}
		}
	}
	slices.Sort(paths)
	args := append([]string{"list", "-f", "{{with .Module}}{{.Path}}{{end}}"}, slices.Compact(paths)...)
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	modules := strings.Fields(string(out))
	slices.Sort(modules)
	return slices.Compact(modules)
}
