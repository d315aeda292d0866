package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDocsFolder: a release has a man page for each command, and completions for the usual shells.
func TestDocsFolder(t *testing.T) {
	folder := t.TempDir()
	var out, errs bytes.Buffer
	if code := execute([]string{"docs", "--folder", folder}, streams{in: strings.NewReader(""), out: &out, err: &errs}); code != 0 {
		t.Fatalf("exit code %d: %s", code, &errs)
	}
	for name, want := range map[string]string{
		"man/podseal.1":            "podseal-run(1)",
		"man/podseal-run.1":        "e2e command",
		"completions/podseal":      "complete -o default",
		"completions/_podseal":     "#compdef podseal",
		"completions/podseal.fish": "complete -c podseal",
		"completions/podseal.ps1":  "Register-ArgumentCompleter",
	} {
		text, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(name)))
		if err != nil {
			t.Error(err)
		}
		if plain := strings.ReplaceAll(string(text), `\\-`, "-"); !strings.Contains(plain, want) {
			t.Errorf("%s has no %q", name, want)
		}
	}
}

// TestKubectlPlugin: as a plugin of kubectl, help names the command as the user types it.
func TestKubectlPlugin(t *testing.T) {
	for program, want := range map[string]string{
		"/usr/bin/podseal":                  "podseal [command]",
		"/home/u/.krew/bin/kubectl-podseal": "kubectl podseal [command]",
		"kubectl-podseal.exe":               "kubectl podseal [command]",
	} {
		var out bytes.Buffer
		execute([]string{"--help"}, streams{program: program, in: strings.NewReader(""), out: &out, err: &out})
		if !strings.Contains(out.String(), "\n  "+want) {
			t.Errorf("%s: no %q in\n%s", program, want, &out)
		}
	}
}

// TestLongHelpIsImperative: the help of a command begins with a verb in the imperative, as its summary does.
func TestLongHelpIsImperative(t *testing.T) {
	for _, c := range newRootCommand(streams{}).Commands() {
		for _, c := range append(c.Commands(), c) {
			if verb, _, _ := strings.Cut(c.Long, " "); strings.HasSuffix(verb, "s") {
				t.Errorf("the help of %s begins with %q", c.CommandPath(), verb)
			}
		}
	}
}
