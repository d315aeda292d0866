package advise

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
)

func TestWritable(t *testing.T) {
	user := profile.User{UID: 7, GID: 8, Groups: []int64{9}}
	for _, c := range []struct {
		who  string
		e    image.Entry
		u    profile.User
		want bool
	}{
		{"root", image.Entry{UID: 7, Mode: 0o000}, profile.User{}, true},
		{"the owner", image.Entry{UID: 7, Mode: 0o200}, user, true},
		{"the owner, whom others do not count for", image.Entry{UID: 7, GID: 8, Mode: 0o022}, user, false},
		{"the group", image.Entry{GID: 8, Mode: 0o020}, user, true},
		{"a further group", image.Entry{GID: 9, Mode: 0o020}, user, true},
		{"the group, which others do not count for", image.Entry{GID: 9, Mode: 0o202}, user, false},
		{"others", image.Entry{GID: 1, Mode: 0o002}, user, true},
		{"none of them", image.Entry{GID: 1, Mode: 0o220}, user, false},
	} {
		if got := Writable(c.e, c.u); got != c.want {
			t.Errorf("%s: %t", c.who, got)
		}
	}
}

// A value of the attribute has a magic number, then 32 bits in its first version and 64 bits in later ones.
func TestCapNames(t *testing.T) {
	value := func(words ...uint32) string {
		var b []byte
		for _, w := range words {
			b = binary.LittleEndian.AppendUint32(b, w)
		}
		return string(b)
	}
	for raw, want := range map[string]string{
		value(0, 1, 0):                 "CHOWN",
		value(0, 1<<10|1<<13, 0, 0, 0): "NET_BIND_SERVICE, NET_RAW",
		value(0, 0, 0, 1<<8, 0):        "CHECKPOINT_RESTORE",
		value(0, 0, 0, 1<<9, 0):        "capability 41",
		value(0, 1, 0, 1<<8):           "CHOWN", // cut off
		value(0, 1):                    "unreadable capabilities",
	} {
		if got := capNames(raw); got != want {
			t.Errorf("%x: %s, want %s", raw, got, want)
		}
	}
}

func TestBytesText(t *testing.T) {
	for n, want := range map[int64]string{9_999: "9999 bytes", 10_000: "10 kB", 9_999_999: "9999 kB", 10_000_000: "10 MB"} {
		if got := bytesText(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

// huge is a tree with more files than a list can have.
type huge struct{ *image.MemTree }

func (h huge) List(ctx context.Context, p string, _ int) ([]image.Entry, bool, error) {
	some, _, err := h.MemTree.List(ctx, p, 1)
	return some, true, err
}

// The files of an image that has too many are looked up one by one.
func TestHugeImage(t *testing.T) {
	tree := huge{image.NewMemTree([]image.Entry{{Path: "/data", Kind: image.Dir, Mode: 0o755, UID: 7}}, nil)}
	facts := image.Facts{Config: &v1.ConfigFile{OS: "linux", Config: v1.Config{User: "7", Volumes: map[string]struct{}{"/data": {}}}}}
	r, err := Image(t.Context(), facts, tree, Options{Scan: true})
	if err != nil {
		t.Fatal(err)
	}
	if text := r.Text(); !strings.Contains(text, "/data is writable for uid 7") || !strings.Contains(text, "more than 1000000 files") {
		t.Error(text)
	}
}

// A finding names up to five files.
func TestSome(t *testing.T) {
	files := make([]Evidence, 7)
	if got := some(files[:5]); len(got) != 5 {
		t.Errorf("of five: %v", got)
	}
	if got := some(files); len(got) != 6 || got[5].Where != "and 2 more" {
		t.Errorf("of seven: %v", got)
	}
}

// TestRulesAreDocumented makes sure that the page of the rules has each one, with its level.
func TestRulesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/advice.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		if !strings.Contains(string(page), fmt.Sprintf("| `%s` | %s | ", r.id, r.level)) {
			t.Errorf("docs/advice.md does not have %s with the level %s", r.id, r.level)
		}
	}
}
