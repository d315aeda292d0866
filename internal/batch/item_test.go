package batch

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/config"
	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/target"
)

// today is the day of the tests.
var today = time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC)

// writeFiles writes the files of an archive into a new folder, and makes it the working directory.
func writeFiles(t *testing.T, a *txtar.Archive) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, f := range a.Files {
		if err := os.MkdirAll(filepath.Dir(f.Name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f.Name, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// loadConfig reads the targets of a podseal.yaml.
func loadConfig(t *testing.T, name string, targets ...string) (*config.File, []Item, error) {
	t.Helper()
	source, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := config.Parse(name, source)
	if err != nil {
		t.Fatal(err)
	}
	items, err := Load(t.Context(), f, targets, LoadOptions{Now: today})
	return f, items, err
}

// TestLoad shows the targets of each ci/podseal.yaml, or why it is refused. The comment of an archive names the targets.
func TestLoad(t *testing.T) {
	golden.Run(t, "testdata/load/*.txtar", func(t *testing.T, a *txtar.Archive) []txtar.File {
		home, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		writeFiles(t, a)
		_, names, _ := strings.Cut(strings.TrimSpace(string(a.Comment)), "Targets:")
		_, items, err := loadConfig(t, "ci/podseal.yaml", strings.Fields(names)...)
		var out strings.Builder
		if err != nil {
			fmt.Fprintln(&out, "error:", err)
		} else {
			for _, item := range items {
				show(&out, item)
			}
		}
		t.Chdir(home)
		return golden.Want(out.String())
	})
}

// show prints what an item says of a run and of its result.
func show(out *strings.Builder, item Item) {
	fmt.Fprintf(out, "%s: output %q %s, seal %q, allow %v strict %t\n", item.Name, item.Deliver.Output, item.Deliver.Format, item.SealFile, item.Policy.Allow, item.Policy.Strict)
	for _, t := range item.Targets() {
		showTarget(out, "  ", t)
	}
	for _, note := range item.Notes {
		fmt.Fprintln(out, "  note:", note)
	}
}

func showTarget(out *strings.Builder, indent string, t target.Target) {
	fmt.Fprintf(out, "%simage %s as %s in %q: env %v, ready %+v, timeout %s, grace %s\n", indent, t.Image, t.Alias, t.Dir, t.Env, t.Ready, t.Timeout, t.Grace)
	for _, c := range t.Commands {
		fmt.Fprintf(out, "%s  command %s (inside %t, suite %q)\n", indent, c, c.Inside, c.Suite)
	}
	for _, n := range t.Needs {
		fmt.Fprintf(out, "%s  needs %s (of %q, labels %v)\n", indent, n.Name, n.Of, n.Labels)
		showTarget(out, indent+"    ", n.Target)
	}
}
