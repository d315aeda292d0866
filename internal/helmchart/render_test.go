package helmchart

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/golden"
)

// TestRender renders the chart "chart" of testdata/*.txtar. The comment has flags, a line each: "values FILE" and
// "set NAME=VALUE". "want" is the stream, or the error.
func TestRender(t *testing.T) {
	golden.Run(t, "testdata/*.txtar", func(t *testing.T, a *txtar.Archive) []txtar.File {
		t.Chdir(t.TempDir())
		unpack(t, a)
		var v Values
		for line := range strings.Lines(string(a.Comment)) {
			switch word, rest, _ := strings.Cut(strings.TrimSpace(line), " "); word {
			case "values":
				v.Files = append(v.Files, rest)
			case "set":
				v.Set = append(v.Set, rest)
			}
		}
		out, err := Render(t.Context(), "chart", v)
		if err != nil {
			return golden.Want("error: " + err.Error() + "\n")
		}
		return golden.Want(string(out.Text))
	})
}

func unpack(t *testing.T, a *txtar.Archive) {
	t.Helper()
	for _, f := range a.Files {
		if f.Name == "want" {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(f.Name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f.Name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestIs distinguishes charts from other files and folders.
func TestIs(t *testing.T) {
	t.Chdir(t.TempDir())
	unpack(t, &txtar.Archive{Files: []txtar.File{{Name: "chart/Chart.yaml"}, {Name: "folder/Chart.yaml/x"}, {Name: "web.tgz"}, {Name: "web.yaml"}}})
	for name, want := range map[string]bool{"chart": true, "folder": false, "web.tgz": true, "web.yaml": false, "gone": false} {
		if got := Is(name); got != want {
			t.Errorf("%s is a chart: %v", name, got)
		}
	}
}
