package diff_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe/observetest"
)

var update = flag.Bool("update", false, "write the results into the goldens")

// TestFold reads testdata/fold/*.txtar: "image" is the tree (further files of the archive, whose names are absolute
// paths, are its content), "run" the observation, "volumes" the image's VOLUMEs, "logs" denials that only the logs tell
// (ERRNO PATH); "want" is what Fold makes of it. A denial counts as a need, as it does in the planner.
func TestFold(t *testing.T) {
	names, err := filepath.Glob("testdata/fold/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no goldens (%v)", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got, want := foldArchive(t, a), section(a, "want")
			if *update {
				setSection(a, "want", got)
				if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s-want +got:\n%s", a.Comment, d)
			}
		})
	}
}

func section(a *txtar.Archive, name string) string {
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

func setSection(a *txtar.Archive, name, text string) {
	for i := range a.Files {
		if a.Files[i].Name == name {
			a.Files[i].Data = []byte(text)
			return
		}
	}
	a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(text)})
}

// tree is the image of an archive.
func tree(t *testing.T, a *txtar.Archive) image.Tree {
	t.Helper()
	text := section(a, "image")
	for _, f := range a.Files {
		if strings.HasPrefix(f.Name, "/") {
			text += fmt.Sprintf("-- %s --\n%s", f.Name, f.Data)
		}
	}
	m, err := image.ParseMemTree(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func foldArchive(t *testing.T, a *txtar.Archive) string {
	t.Helper()
	o, err := observetest.Parse(section(a, "run"))
	if err != nil {
		t.Fatal(err)
	}
	evidence := diff.Collect(o)
	for line := range strings.Lines(section(a, "logs")) {
		var errno, p string
		if _, err := fmt.Sscan(line, &errno, &p); err != nil {
			t.Fatalf("logs line %q: %v", line, err)
		}
		evidence = append(evidence, diff.FromLine(p, errno, strings.TrimSpace(line), false))
	}
	f, err := diff.Fold(context.Background(), evidence, tree(t, a), strings.Fields(section(a, "volumes")))
	if err != nil {
		t.Fatal(err)
	}
	return render(f)
}

func render(f diff.Folding) string {
	var b bytes.Buffer
	for _, d := range f.Folders {
		fmt.Fprintf(&b, "%s %s", d.Path, d.Content)
		b.WriteString(mark(d.Volume, " volume") + mark(d.Created, " created"))
		if len(d.Hides) > 0 {
			fmt.Fprintf(&b, ", hides %s", strings.Join(d.Hides, " "))
		}
		fmt.Fprintf(&b, "\n  because %s\n", d.Why)
		for _, e := range d.Evidence {
			fmt.Fprintf(&b, "  %s\n", evidenceLine(e))
		}
	}
	for _, e := range f.Root {
		fmt.Fprintf(&b, "root %s\n", evidenceLine(e))
	}
	for _, e := range f.Noise {
		fmt.Fprintf(&b, "noise %s: %s\n", evidenceLine(e), e.Noise)
	}
	return b.String()
}

func evidenceLine(e diff.Evidence) string {
	s := e.Path
	if e.Dir {
		s += "/"
	}
	for _, w := range []string{string(e.Kind), string(e.Phase), strings.Join(e.Calls, "+"), e.Errno, string(e.Source)} {
		if w != "" {
			s += " " + w
		}
	}
	return s + mark(e.Outcome == "denied", " denied") + mark(e.Moved, " moved")
}

func mark(is bool, word string) string {
	if is {
		return word
	}
	return ""
}
