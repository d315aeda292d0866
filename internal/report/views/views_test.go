package views

import (
	"bytes"
	"strings"
	"testing"
	"unicode"

	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/report"
)

// hostile changes terminals, ends elements, and calls people.
const hostile = "x\x1b[2J\u202e\x7f\u009b31m</script>'\"&]]>@all\n::error::y"

func documents() map[string]report.Document {
	r := report.Report{Verdict: "not testable", ExitCode: 3, Why: hostile, Target: report.Target{Container: hostile, File: hostile, Line: 1}}
	return map[string]report.Document{
		"none": report.NewDocument("dev", report.NewSeveral(nil)),
		"one":  report.NewDocument("dev", report.NewSeveral([]report.Report{r})),
		"two":  report.NewDocument("dev", report.NewSeveral([]report.Report{r, r})),
		"check": report.NewCheckDocument("dev", []report.CheckedTarget{{Name: hostile, File: hostile}},
			[]finding.Finding{{Rule: hostile, Level: finding.Error, Target: hostile, Message: hostile, File: hostile, Line: 2}}, nil),
	}
}

// TestKindsAreHarmless makes sure that no kind of report holds characters that change what a terminal shows, or a line that
// GitHub takes for a command which is not podseal's.
func TestKindsAreHarmless(t *testing.T) {
	for name, d := range documents() {
		for _, kind := range Kinds() {
			var b bytes.Buffer
			if err := Write(&b, kind, d); err != nil {
				t.Fatalf("%s: %s: %v", name, kind, err)
			}
			if i := strings.IndexFunc(b.String(), func(c rune) bool { return c != '\n' && c != '\t' && !unicode.IsPrint(c) && c != '\uFE0F' }); i >= 0 {
				t.Errorf("%s: %s: %q", name, kind, b.String()[i:min(b.Len(), i+20)])
			}
			if strings.Contains(b.String(), "\n::error::y") {
				t.Errorf("%s: %s: a foreign command", name, kind)
			}
		}
	}
}

func TestParseFiles(t *testing.T) {
	got, err := ParseFiles([]string{"json=a=b.json", "github=-", "junit=/dev/stderr"})
	if err != nil || len(got) != 3 || got[0] != (File{"json", "a=b.json"}) {
		t.Fatalf("%v, %v", got, err)
	}
	if out, _ := got[1].Standard(); !out {
		t.Error("- is not stdout")
	}
	if out, errs := got[2].Standard(); out || !errs {
		t.Error("/dev/stderr is not stderr")
	}
	for _, bad := range []string{"", "json", "json=", "xml=x"} {
		if _, err := ParseFiles([]string{bad}); err == nil || !strings.Contains(err.Error(), "sarif") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if Write(&bytes.Buffer{}, "xml", report.Document{}) == nil {
		t.Error("an unknown kind is written")
	}
}
