package diff

import (
	"bytes"
	"strings"
	"testing"
	"unicode"
)

func TestDiffPathsAreSafe(t *testing.T) {
	var b bytes.Buffer
	err := Folding{Folders: []Folder{{Path: "/a\x1b]0;title\x07/\u202eb\x7f", Why: "holds \u009b1m"}}}.Text(&b, 1)
	if err != nil {
		t.Fatal(err)
	}
	if strings.IndexFunc(b.String(), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) >= 0 {
		t.Errorf("got %q", b.String())
	}
}

// TestTextOfNothing: a folding without folders has no table.
func TestTextOfNothing(t *testing.T) {
	var b strings.Builder
	if err := (Folding{}).Text(&b, 0); err != nil || !strings.HasPrefix(b.String(), "0 changes, 0 folders\n\nNot shown") {
		t.Errorf("%v:\n%s", err, b.String())
	}
}
