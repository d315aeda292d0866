// Package golden compares the results of tests with txtar archives, which hold the input and the wanted output of a case in
// one file. With -update it writes the results into the archives instead.
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

// Run runs a subtest for each archive that matches the pattern. The archive's sections must be those that run returns. It
// may return some of them only, but all whose names start with "want".
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

// merged returns a copy of an archive with sections replaced by name, or added at its end.
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

// Check compares an archive with a file; with -update it writes the file.
func Check(t *testing.T, name string, got *txtar.Archive) {
	t.Helper()
	compare(t, name, got.Comment, txtar.Format(got))
}

// File compares a text with a file; with -update it writes the file.
func File(t *testing.T, name string, got []byte) {
	t.Helper()
	compare(t, name, nil, got)
}

// compare compares a text with a file, or writes the file. comment goes before the difference.
func compare(t *testing.T, name string, comment, text []byte) {
	t.Helper()
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
		t.Errorf("%s%s: -want +got:\n%s", comment, name, d)
	}
}

// Want returns the section of a case that has one result.
func Want(text string) []txtar.File { return []txtar.File{{Name: "want", Data: []byte(text)}} }

// Section returns the text of a section; "" if the archive has none of that name.
func Section(a *txtar.Archive, name string) string {
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// Tree returns an image's tree in the form of image.ParseMemTree: the section "image", and the sections whose names are
// absolute paths as the content of files.
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
