package input

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/spf13/pflag"

	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/target"
)

// TestInput reads the manifests of testdata/*.txtar. The comment's lines are command lines, "stdin" is what they
// read from there, "want" what they choose, or why they are refused.
func TestInput(t *testing.T) {
	golden.Run(t, "testdata/*.txtar", func(t *testing.T, a *txtar.Archive) []txtar.File {
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

// readLine returns what one command line chooses.
func readLine(t *testing.T, line, stdin string) string {
	t.Helper()
	o := Options{Stdin: strings.NewReader(stdin)}
	var flags target.Target
	f := pflag.NewFlagSet("run", pflag.ContinueOnError)
	f.StringArrayVarP(&o.Files, "filename", "f", nil, "")
	f.StringVarP(&o.Container, "container", "c", "", "")
	f.StringVar(&o.Object, "select", "", "")
	f.StringArrayVar(&o.Exclude, "exclude", nil, "")
	f.StringArrayVar(&o.With, "with", nil, "")
	f.StringVar(&o.Replaces, "replaces", "", "")
	f.BoolVar(&o.StandIns, "stand-ins", false, "")
	f.StringArrayVar(&o.Chart.Files, "values", nil, "")
	f.StringArrayVar(&o.Chart.Set, "set", nil, "")
	f.StringArrayVar(&o.Params, "param", nil, "")
	f.StringVar(&o.PodPath, "pod-path", "", "")
	f.StringVar(&flags.User, "user", "", "")
	if err := f.Parse(strings.Fields(line)); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	set, err := Read(t.Context(), o, flags)
	for _, skipped := range slices.Concat(set.Skipped, set.SkippedWith) {
		fmt.Fprintln(&b, "skipped:", skipped)
	}
	for _, note := range set.Notes {
		fmt.Fprintln(&b, "note:", note)
	}
	for _, object := range set.Unsealed {
		if !set.Excluded(object) {
			fmt.Fprintln(&b, "not sealed:", object.Unsealed())
		}
	}
	if err != nil {
		return fmt.Sprintf("%serror: %s\n", b.String(), err)
	}
	for _, in := range set.Files {
		fmt.Fprintf(&b, "%s%s: %d documents\n", in.Manifest.Name, map[bool]string{true: " (no file)"}[in.Path == ""], len(in.Manifest.Documents))
		for _, p := range in.Pods {
			for _, name := range p.Chosen {
				x := p.Pod.Target(name, nil)
				fmt.Fprintf(&b, "  %s/%s runs %s with", p.Pod.Manifest, name, x.Image)
				for _, v := range x.Env {
					fmt.Fprintf(&b, " %s=%s", v.Name, v.Value)
				}
				fmt.Fprintf(&b, " in %d\n", len(p.Pod.Members))
			}
		}
	}
	return b.String()
}
