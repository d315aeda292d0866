package survey

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/advise"
)

// TestPatchIsApplied applies the text of the advice with patch and with git apply, in the working directory or in the folder that
// the advice names, for each way to name a Dockerfile.
func TestPatchIsApplied(t *testing.T) {
	repository := t.TempDir()
	file := filepath.Join(repository, "x", "Dockerfile")
	for _, c := range []struct{ here, what, in string }{
		{".", "x/Dockerfile", ""},
		{".", "x", ""},
		{".", file, ""},
		{"x", "Dockerfile", ""},
		{"x", "../x/Dockerfile", ""},
		{"x", file, ""},
		{"y/z", "../../x/Dockerfile", "../.."},
		{"y/z", "../../x", "../.."},
		{"y/z", file, repository},
	} {
		for _, tool := range []string{"git apply", "patch -p1"} {
			for _, git := range []bool{true, false} {
				t.Run(strings.NewReplacer("/", "+").Replace(c.here+" "+strings.TrimPrefix(c.what, repository)+" "+tool), func(t *testing.T) {
					prepare(t, repository, git)
					t.Chdir(filepath.Join(repository, c.here))
					d := adviseOn(t, c.what)
					if git && d.ApplyIn != c.in || (d.ApplyIn == "") != (c.in == "") {
						t.Errorf("apply in %q, want %q", d.ApplyIn, c.in)
					}
					cmd := exec.Command(strings.Fields(tool)[0], strings.Fields(tool)[1:]...)
					cmd.Dir, cmd.Stdin = d.ApplyIn, strings.NewReader(d.Text())
					if said, err := cmd.CombinedOutput(); err != nil {
						t.Fatalf("%v\n%s\n%s", err, said, d.Text())
					}
					if got, err := os.ReadFile(file); err != nil || string(got) != string(d.Patched) {
						t.Errorf("%v\n%s", err, got)
					}
				})
			}
		}
	}
}

// prepare makes the folders of TestPatchIsApplied anew.
func prepare(t *testing.T, repository string, git bool) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(repository, ".git")); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"x", "y/z"} {
		if err := os.MkdirAll(filepath.Join(repository, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(repository, "x", "Dockerfile"), []byte("FROM scratch\nCMD [\"/app\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if !git {
		return
	}
	if said, err := exec.Command("git", "init", "-q", repository).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
}

// adviseOn returns the advice on one Dockerfile, without an engine.
func adviseOn(t *testing.T, what string) advise.DockerfileReport {
	t.Helper()
	catalog, err := advise.ShippedCatalog()
	if err != nil {
		t.Fatal(err)
	}
	outcome, err := Advise(t.Context(), what, Options{
		Catalog: catalog, ReadFile: os.ReadFile, Skipped: func(err error) { t.Error(err) },
		Connect: func(context.Context) (Engine, error) { return nil, errors.New("no engine") },
	})
	if err != nil || len(outcome.Dockerfiles) != 1 {
		t.Fatalf("%v: %+v", err, outcome)
	}
	return outcome.Dockerfiles[0]
}
