package diff_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe/observetest"
)

// TestFold reads testdata/fold/*.txtar: "image" is the tree (further files of the archive, whose names are absolute
// paths, are its content), "run" the observation, "volumes" the image's VOLUMEs, "logs" denials that only the logs show
// (ERRNO PATH); "want" is what Fold makes of it. A denial counts as a need, as it does in the planner.
func TestFold(t *testing.T) {
	golden.Run(t, "testdata/fold/*.txtar", func(t *testing.T, a *txtar.Archive) []txtar.File {
		return golden.Want(foldArchive(t, a))
	})
}

// tree is the image of an archive.
func tree(t *testing.T, a *txtar.Archive) image.Tree {
	t.Helper()
	m, err := image.ParseMemTree(golden.Tree(a))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func foldArchive(t *testing.T, a *txtar.Archive) string {
	t.Helper()
	o, err := observetest.Parse(golden.Section(a, "run"))
	if err != nil {
		t.Fatal(err)
	}
	evidence := diff.Collect(o)
	for line := range strings.Lines(golden.Section(a, "logs")) {
		var errno, p string
		if _, err := fmt.Sscan(line, &errno, &p); err != nil {
			t.Fatalf("logs line %q: %v", line, err)
		}
		evidence = append(evidence, diff.FromLine(p, errno, strings.TrimSpace(line), false))
	}
	f, err := diff.Fold(context.Background(), evidence, tree(t, a), strings.Fields(golden.Section(a, "volumes")))
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
