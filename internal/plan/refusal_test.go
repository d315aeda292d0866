package plan_test

import (
	"os"
	"path"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/plan"
)

func TestReadRefusals(t *testing.T) {
	text, err := os.ReadFile("testdata/refusals.txt")
	if err != nil {
		t.Fatal(err)
	}
	said, n := "", 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		want, isWant := strings.CutPrefix(line, "=> ")
		switch {
		case isWant:
			n++
			if got := describe(plan.ReadRefusals(said, "/app")); got != want {
				t.Errorf("%s\n got %s\nwant %s", said, got, want)
			}
		case !strings.HasPrefix(line, "#"):
			said = line
		}
	}
	if n < 60 {
		t.Errorf("only %d lines were tried", n)
	}
}

// describe is the short form of what was read of one line. A folder is not noted where it is neither made nor asked for.
func describe(all []plan.Refused) string {
	if len(all) == 0 {
		return "none"
	}
	r := all[0]
	dash := func(s string) string {
		if s == "" {
			return "-"
		}
		return s
	}
	out := dash(r.Errno) + " " + dash(r.Path)
	for _, f := range []struct {
		is   bool
		word string
	}{{r.Bind, " bind"}, {r.Dir, " dir"}, {r.Owner, " owner"}, {r.Temp, " temp"}} {
		if f.is {
			out += f.word
		}
	}
	return out
}

func FuzzReadRefusals(f *testing.F) {
	text, err := os.ReadFile("testdata/refusals.txt")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "=>") && len(line) < 120 {
			f.Add(line, "/app")
		}
	}
	f.Add("Permission denied: '/\xff//..'", "")
	f.Fuzz(func(t *testing.T, logs, cwd string) {
		all := plan.ReadRefusals(logs, path.Clean("/"+cwd))
		if n := strings.Count(logs, "\n") + 1; len(all) > n {
			t.Errorf("%d refusals in %d lines", len(all), n)
		}
		for _, r := range all {
			if r.Path != "" && (r.Path != path.Clean(r.Path) || !path.IsAbs(r.Path)) {
				t.Errorf("path %q of line %q", r.Path, r.Line)
			}
			if r.Line == "" || len(r.Line) > 4096 {
				t.Errorf("a line of %d bytes", len(r.Line))
			}
		}
	})
}
