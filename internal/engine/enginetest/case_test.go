package enginetest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/engine/enginetest"
)

func TestParse(t *testing.T) {
	_, c, err := enginetest.Parse(txtar.Parse([]byte(`
-- image --
f 0755 0:0 /bin/sh
f 0755 0:0 /bin/app
-- config --
user 101
soak 5s
filecap /bin/app
plan-only
-- /etc/passwd --
app:x:101:101::/home/app:
-- app --
# a comment

start after 2s unless /run/x write /run/x silent
`)))
	if err != nil {
		t.Fatal(err)
	}
	if c.Facts.Config.Config.User != "101" {
		t.Errorf("user %q", c.Facts.Config.Config.User)
	}
	if d := cmp.Diff([]enginetest.Option{{Name: "soak", Value: "5s"}, {Name: "plan-only"}}, c.Options); d != "" {
		t.Errorf("options, -want +got:\n%s", d)
	}
	if e, ok, err := c.Tree.Lookup(t.Context(), "/bin/app"); err != nil || !ok || e.Caps == "" {
		t.Errorf("/bin/app: %+v, %v", e, err)
	}
	if _, ok, err := c.Tree.Lookup(t.Context(), "/bin/cp"); err != nil || !ok {
		t.Error("an image with a shell has no /bin/cp", err)
	}
	if b, err := c.Tree.ReadFile(t.Context(), "/etc/passwd"); err != nil || !strings.HasPrefix(string(b), "app:") {
		t.Errorf("/etc/passwd: %q, %v", b, err)
	}
	if len(c.Script) != 1 {
		t.Errorf("%d operations, want 1", len(c.Script))
	}
}

func TestParseError(t *testing.T) {
	if _, _, err := enginetest.Parse(txtar.Parse([]byte("-- image --\nd /x\n"))); err == nil || !strings.HasPrefix(err.Error(), "section image: ") {
		t.Errorf("a bad tree: error %v", err)
	}
}
