package main

import (
	"bytes"
	"strings"
	"testing"
	"unicode"

	"github.com/podseal/podseal/internal/exitcode"
)

func TestErrorLineIsSafe(t *testing.T) {
	var out, errs bytes.Buffer
	code := execute([]string{"run", "a\x1b[2J\u202e\nb", "c"}, streams{in: strings.NewReader(""), out: &out, err: &errs})
	execute([]string{"\x1b[2J\u202e\u009b\x7f"}, streams{in: strings.NewReader(""), out: &out, err: &errs})
	if strings.IndexFunc(errs.String(), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) >= 0 || code != exitcode.Usage {
		t.Errorf("exit %d, %q", code, errs.String())
	}
}
