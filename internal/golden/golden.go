// Package golden compares what tests make with txtar archives: the input and the wanted output of a case in one file.
// With -update the output is written instead.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write the results into the goldens")

// Run makes a test of each archive that the pattern names. What run returns are the archive's sections of those names; a
// section whose name starts with "want" and that is not returned must not be there.
func Run(t *testing.T, pattern string, run func(t *testing.T, a *txtar.Archive) []txtar.File) {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no goldens in %s (%v)", pattern, err)
	}
	for _, name := range names {
		name, err := filepath.Abs(name) // run may change the working directory
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			Check(t, name, merged(*a, run(t, a)))
		})
	}
}

// merged puts sections into a copy of an archive: in the place of those of their names, else at its end.
func merged(a txtar.Archive, made []txtar.File) *txtar.Archive {
	index := func(list []txtar.File, name string) int {
		return slices.IndexFunc(list, func(f txtar.File) bool { return f.Name == name })
	}
	a.Files = slices.DeleteFunc(slices.Clone(a.Files), func(f txtar.File) bool {
		return strings.HasPrefix(f.Name, "want") && index(made, f.Name) < 0
	})
	for _, f := range made {
		if i := index(a.Files, f.Name); i >= 0 {
			a.Files[i] = f
		} else {
			a.Files = append(a.Files, f)
		}
	}
	return &a
}

// Check compares an archive with a file, or writes the file.
func Check(t *testing.T, name string, got *txtar.Archive) {
	t.Helper()
	text := txtar.Format(got)
	if *update {
		if err := os.WriteFile(name, text, 0o644); err != nil { //nolint:gosec // a file of the project, for everyone to read
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(text)); d != "" {
		t.Errorf("%s-want +got:\n%s", got.Comment, d)
	}
}

// Want is the one section of a case that has one result.
func Want(text string) []txtar.File { return []txtar.File{{Name: "want", Data: []byte(text)}} }

// Section is a section's text; "" where the archive has none of the name.
func Section(a *txtar.Archive, name string) string {
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// Tree is an image's tree as text: the section "image", and the files whose names are absolute paths as its content.
func Tree(a *txtar.Archive) string {
	var b strings.Builder
	b.WriteString(Section(a, "image"))
	for _, f := range a.Files {
		if strings.HasPrefix(f.Name, "/") {
			b.WriteString("-- " + f.Name + " --\n")
			b.Write(f.Data)
		}
	}
	return b.String()
}
