//go:build engine

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReference checks that `make docs` would not change docs/reference.md.
func TestReference(t *testing.T) {
	want := podseal(t, "docs")
	want.mustExit(t, exitSealed)
	got, err := os.ReadFile(filepath.Join(shared.root, "docs", "reference.md"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.stdout, string(got)); diff != "" {
		t.Errorf("docs/reference.md is old; run make docs (- is, + should not be):\n%s", diff)
	}
}

// pages returns the README files and those in docs/.
func pages(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{"README.md", "docs/*.md", "examples/*/README.md"} {
		files, err := filepath.Glob(filepath.Join("..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			out[file] = string(data)
		}
	}
	return out
}

// TestPagesNameWhatExists checks that every flag and verb on a page is one of podseal's, and that every linked file
// exists.
func TestPagesNameWhatExists(t *testing.T) {
	all := pages(t)
	reference := all["../docs/reference.md"]
	call := regexp.MustCompile(`(?m)(?:^|[ \x60])podseal ((?:[a-z]+)(?: [^\n\x60]*)?)`)
	flag := regexp.MustCompile(`(?:^|[ \x60])(--[a-z][a-z-]+)`)
	link := regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
	for file, text := range all {
		for _, m := range call.FindAllStringSubmatch(indented(text), -1) {
			mine, _, _ := strings.Cut(m[1], " -- ") // what follows is the e2e command
			if verb := strings.Fields(mine)[0]; !strings.Contains(reference, "\n## podseal "+verb+"\n") {
				t.Errorf("%s shows podseal %s, which does not exist", file, verb)
			}
			for _, f := range flag.FindAllStringSubmatch(mine, -1) {
				if !strings.Contains(reference, " "+f[1]+" ") && !slices.Contains([]string{"--help", "--version"}, f[1]) {
					t.Errorf("%s shows the flag %s, which podseal does not have", file, f[1])
				}
			}
		}
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", file, m[1], err)
			}
		}
	}
}

// indented returns the part of a page that shows commands: indented lines and text between backquotes.
func indented(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "    ") {
			out = append(out, strings.TrimPrefix(strings.TrimSpace(line), "$ "))
			continue
		}
		for i, part := range strings.Split(line, "`") {
			if i%2 == 1 {
				out = append(out, part)
			}
		}
	}
	return strings.Join(out, "\n")
}
