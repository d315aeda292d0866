package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/spf13/pflag"

	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/target"
)

// TestInput reads the manifests of testdata/input/*.txtar. The comment's lines are command lines, "stdin" is what they
// read from there, "want" what they choose, or why they are refused.
func TestInput(t *testing.T) {
	golden.Run(t, "testdata/input/*.txtar", func(t *testing.T, a *txtar.Archive) []txtar.File {
		t.Chdir(t.TempDir())
		stdin := unpack(t, a)
		var got strings.Builder
		for line := range strings.Lines(string(a.Comment)) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				fmt.Fprintf(&got, "$ %s\n%s", line, readLine(t, line, stdin))
			}
		}
		return golden.Want(got.String())
	})
}

func unpack(t *testing.T, a *txtar.Archive) (stdin string) {
	t.Helper()
	for _, f := range a.Files {
		switch f.Name {
		case "stdin":
			stdin = string(f.Data)
		case "want":
		default:
			if err := os.MkdirAll(filepath.Dir(f.Name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(f.Name, f.Data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return stdin
}

// readLine is what one command line chooses.
func readLine(t *testing.T, line, stdin string) string {
	t.Helper()
	var o inputOptions
	var flags target.Target
	f := pflag.NewFlagSet("run", pflag.ContinueOnError)
	o.addFlags(f)
	f.StringVar(&flags.User, "user", "", "")
	if err := f.Parse(strings.Fields(line)); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	inputs, _, err := readInputs(streams{in: strings.NewReader(stdin), err: &b}, o, flags)
	if err != nil {
		return fmt.Sprintf("%sexit %d: %s\n", b.String(), codeOf(err), oneLine(err))
	}
	for _, in := range inputs {
		fmt.Fprintf(&b, "%s%s: %d documents\n", in.file.Name, map[bool]string{true: " (no file)"}[in.path == ""], len(in.file.Documents))
		for _, p := range in.pods {
			for _, name := range p.chosen {
				x := p.pod.Target(name, nil)
				fmt.Fprintf(&b, "  %s/%s runs %s with", p.pod.Manifest, name, x.Image)
				for _, v := range x.Env {
					fmt.Fprintf(&b, " %s=%s", v.Name, v.Value)
				}
				fmt.Fprintf(&b, " in %d\n", len(p.pod.Members))
			}
		}
	}
	return b.String()
}

// codeOf returns the exit code that an error leads to.
func codeOf(err error) int {
	if coded := new(codedError); errors.As(err, &coded) {
		return coded.code
	}
	return exitEngine
}
