package script_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podseal/podseal/internal/engine/enginetest/script"
)

func TestParse(t *testing.T) {
	got, err := script.Parse(`
# a comment
start after 2s if-root unless /x as 33:44 write /y silent terse : cannot write %s : really
e2e|stop log : hello there
`)
	if err != nil {
		t.Fatal(err)
	}
	want := script.Script{
		{
			Phases: []string{"start"}, After: 2 * time.Second, Conditions: []script.Condition{{Word: "if-root"}, {Word: "unless", Arg: "/x"}},
			As: "33:44", Verb: "write", Args: []string{"/y"}, Modes: []string{"silent", "terse"}, Text: "cannot write %s : really",
		},
		{Line: 1, Phases: []string{"e2e", "stop"}, Verb: "log", Args: []string{}, Modes: []string{}, Text: "hello there"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestParseErrors(t *testing.T) {
	for line, want := range map[string]string{
		"boot write /x":         `script line "boot write /x": unknown phase "boot"`,
		"start":                 "no verb",
		"start if-root":         "no verb",
		"start after x write /": "invalid duration",
		"start wrte /x":         `unknown verb "wrte"`,
		"start rename /x":       "rename takes 2 arguments",
		"start write /x maybe":  `unknown mode "maybe"`,
		"e2e after 1s write /x": "only operations of the phase start can be delayed",
		"e2e|later write /x":    `unknown phase "later"`,
		"e2e chance often fail": "invalid syntax",
		"e2e in-run":            "in-run takes an argument",
		"e2e in-run x fail":     "invalid syntax",
		"e2e as root write /x":  `"root" is not UID:GID`,
		"start chown /x 1":      `"1" is not UID:GID`,
		"start listen http":     "invalid syntax",
		"start log":             "log takes a text",
	} {
		if _, err := script.Parse(line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", line, err, want)
		}
	}
}

func TestRefusal(t *testing.T) {
	for line, want := range map[string]string{
		"start write /x":             "app: write /x: Read-only file system",
		"start write /x terse":       "app: write failed: Read-only file system",
		"start write /x : no %s, %s": "no /x, /x",
		"start listen 80":            "app: listen /x: bind: Read-only file system",
	} {
		s, err := script.Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		if got := s[0].Refusal("/x", "EROFS"); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

// FuzzParse makes sure that a script that is accepted can be executed: each operation has a known phase and its arguments.
func FuzzParse(f *testing.F) {
	f.Add("start after 1s chance 0.5 as 1:2 chown /x 3:4 silent : text %s\n")
	f.Add("e2e|stop in-run 3 kill\n# comment\n\nstop exit 3")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := script.Parse(text)
		if err != nil {
			return
		}
		for i, o := range s {
			if o.Line != i || len(o.Phases) == 0 || o.Verb == "" || strings.Contains(o.Refusal("", "EPERM"), "\n") {
				t.Errorf("%q: %+v", text, o)
			}
		}
	})
}
