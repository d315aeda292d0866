package survey

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/podseal/podseal/internal/advise"
	"github.com/podseal/podseal/internal/advise/dockerfile"
)

// A user's catalog is added to the shipped one, or stands in for its alternatives.
func TestCatalog(t *testing.T) {
	dir := t.TempDir()
	own, bad := filepath.Join(dir, "own.yaml"), filepath.Join(dir, "bad.yaml")
	for name, text := range map[string]string{own: "version: 1\nimages: [{image: own}]\n", bad: "version: 2\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name                    string
		only                    bool
		hasOwn, hasNginx, fails bool
	}{
		{"", false, false, true, false},
		{"", true, false, false, false},
		{own, false, true, true, false},
		{own, true, true, false, false},
		{bad, false, false, false, true},
		{filepath.Join(dir, "none.yaml"), false, false, false, true},
	} {
		got, err := Catalog(t.Context(), c.name, c.only)
		_, hasOwn := got.Find("own")
		_, hasNginx := got.Find("nginx")
		if hasOwn != c.hasOwn || hasNginx != c.hasNginx || (err != nil) != c.fails {
			t.Errorf("%s, only %t: own %t, nginx %t, %v", filepath.Base(c.name), c.only, hasOwn, hasNginx, err)
		}
	}
}

// A change is written unless there is none or its proof failed.
func TestWriteDockerfiles(t *testing.T) {
	for name, c := range map[string]struct {
		diff    string
		proof   *advise.Proof
		written bool
	}{
		"a change":         {"diff", nil, true},
		"no change":        {"", nil, false},
		"a proved change":  {"diff", &advise.Proof{Proved: true}, true},
		"a refuted change": {"diff", &advise.Proof{}, false},
	} {
		file := filepath.Join(t.TempDir(), "Dockerfile")
		o := &advise.Outcome{Dockerfiles: []advise.DockerfileReport{{File: file, Result: dockerfile.Result{Diff: c.diff, Patched: []byte("new")}, Proof: c.proof}}}
		if err := WriteDockerfiles(o); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		text, _ := os.ReadFile(file)
		if written := string(text) == "new"; written != c.written || o.Dockerfiles[0].Written != c.written {
			t.Errorf("%s: written %t, said %t", name, written, o.Dockerfiles[0].Written)
		}
	}
	for name, d := range map[string]advise.DockerfileReport{
		"standard input":        {Stdin: true, Result: dockerfile.Result{Diff: "diff"}},
		"a folder that is gone": {File: filepath.Join(t.TempDir(), "none", "Dockerfile"), Result: dockerfile.Result{Diff: "diff"}},
	} {
		o := &advise.Outcome{Dockerfiles: []advise.DockerfileReport{d}}
		if err := WriteDockerfiles(o); err == nil || o.Dockerfiles[0].Written {
			t.Errorf("%s: %v", name, err)
		}
	}
}
