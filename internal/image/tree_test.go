package image_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/podseal/podseal/internal/image"
)

const tree = `
d 1777 0:0 /tmp
f 4755 0:0 /usr/bin/su
f 0755 0:0 /usr/bin/dash
f 0644 0:0 /usr/bin/notes
d 0700 999:998 /var/lib/app
l /bin -> usr/bin
l /usr/bin/sh -> dash
l /etc/alternatives/sh -> ../../bin/sh
l /loop -> loop
l /far -> ../../../etc
l /accounts -> etc/passwd
l /gone -> /nowhere/at/all
-- /etc/passwd --
root:x:0:0::/root:/bin/sh
`

func memTree(t *testing.T, text string) *image.MemTree {
	t.Helper()
	m, err := image.ParseMemTree(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMemTreeLookup(t *testing.T) {
	m, ctx := memTree(t, tree), context.Background()
	cases := []struct {
		path string
		want image.Entry
	}{
		{"/bin", image.Entry{Path: "/bin", Kind: image.Symlink, Mode: 0o777, Link: "usr/bin"}},
		{"/bin/su", image.Entry{Path: "/usr/bin/su", Kind: image.File, Mode: 0o755 | fs.ModeSetuid}},
		{"/bin/sh", image.Entry{Path: "/usr/bin/sh", Kind: image.Symlink, Mode: 0o777, Link: "dash"}},
		{"/tmp/", image.Entry{Path: "/tmp", Kind: image.Dir, Mode: 0o777 | fs.ModeSticky}},
		{"/var/lib", image.Entry{Path: "/var/lib", Kind: image.Dir, Mode: 0o755}},
		{"/var/lib/app", image.Entry{Path: "/var/lib/app", Kind: image.Dir, Mode: 0o700, UID: 999, GID: 998}},
		{"/far/passwd", image.Entry{Path: "/etc/passwd", Kind: image.File, Mode: 0o644, Size: 26}},
		{"/", image.Entry{Path: "/", Kind: image.Dir, Mode: 0o755}},
	}
	for _, c := range cases {
		got, ok, err := m.Lookup(ctx, c.path)
		if err != nil || !ok || got != c.want {
			t.Errorf("Lookup(%s) = %+v, %v, %v, want %+v", c.path, got, ok, err, c.want)
		}
	}
	for _, p := range []string{"/nothing", "/gone/x", "/etc/passwd/x"} {
		if e, ok, err := m.Lookup(ctx, p); ok || err != nil {
			t.Errorf("Lookup(%s) = %+v, %v, %v, want none", p, e, ok, err)
		}
	}
	if _, _, err := m.Lookup(ctx, "/loop/x"); !errors.Is(err, image.ErrLoop) {
		t.Errorf("Lookup through a loop: %v", err)
	}
}

func TestMemTreeListAndRead(t *testing.T) {
	m, ctx := memTree(t, tree), context.Background()
	all, more, err := m.List(ctx, "/usr", 100)
	if err != nil || more || len(all) != 5 || all[0].Path != "/usr/bin" || all[4].Path != "/usr/bin/su" {
		t.Errorf("List(/usr) = %+v, %v, %v", all, more, err)
	}
	some, more, err := m.List(ctx, "/", 3)
	if err != nil || !more || len(some) != 3 || some[0].Path != "/accounts" {
		t.Errorf("List(/, 3) = %+v, %v, %v", some, more, err)
	}
	if data, err := m.ReadFile(ctx, "/far/passwd"); err != nil || string(data) != "root:x:0:0::/root:/bin/sh\n" {
		t.Errorf("ReadFile = %q, %v", data, err)
	}
	if data, err := m.ReadFile(ctx, "/accounts"); err != nil || len(data) != 26 {
		t.Errorf("ReadFile of a link = %q, %v", data, err)
	}
	if none, more, err := m.List(ctx, "/bin", 100); len(none) > 0 || more || err != nil {
		t.Errorf("List of a link = %v, %v", none, err)
	}
	for _, p := range []string{"/usr", "/gone", "/etc/shadow"} {
		if _, err := m.ReadFile(ctx, p); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("ReadFile(%s): %v, want fs.ErrNotExist", p, err)
		}
	}
}

func TestParseMemTreeRefusesNonsense(t *testing.T) {
	for _, text := range []string{
		"x 0755 0:0 /a", "d 9 0:0 /a", "d 0755 root /a", "d 0755 0:x /a", "d 0755 x:0 /a", "l /a", "d 0755 0:0", "-- /a", "/a --", "-- --",
	} {
		if _, err := image.ParseMemTree(text); err == nil {
			t.Errorf("ParseMemTree(%q) gave no error", text)
		}
	}
}

func TestResolvePath(t *testing.T) {
	m := memTree(t, tree)
	for p, want := range map[string]string{
		"/etc/alternatives/sh": "/usr/bin/dash",
		"/bin/../bin/sh":       "/usr/bin/dash",
		"/gone/deeper":         "/nowhere/at/all/deeper",
		"/far/../etc/passwd":   "/etc/passwd",
		"/":                    "/",
	} {
		if got, err := image.Resolve(context.Background(), m, p); err != nil || got != want {
			t.Errorf("Resolve(%s) = %s, %v, want %s", p, got, err, want)
		}
	}
	if _, err := image.Resolve(context.Background(), m, "/loop"); !errors.Is(err, image.ErrLoop) {
		t.Errorf("Resolve(/loop): %v", err)
	}
}

// TestResolveFollowsAsManyLinksAsAKernel is about the 40 links that Linux follows.
func TestResolveFollowsAsManyLinksAsAKernel(t *testing.T) {
	for n, ok := range map[int]bool{40: true, 41: false} {
		var links []image.Entry
		for i := range n {
			links = append(links, image.Entry{Path: fmt.Sprint("/", i), Kind: image.Symlink, Link: fmt.Sprint("/", i+1)})
		}
		got, err := image.Resolve(t.Context(), image.NewMemTree(links, nil), "/0")
		if ok && (err != nil || got != fmt.Sprint("/", n)) || !ok && !errors.Is(err, image.ErrLoop) {
			t.Errorf("%d links: %s, %v", n, got, err)
		}
	}
}

func TestHasProgram(t *testing.T) {
	m := memTree(t, tree)
	cases := []struct {
		name, path, want string
	}{
		{"sh", "", "/usr/bin/sh"},
		{"sh", "/opt:/bin", "/bin/sh"},
		{"sh", "/opt", ""},
		{"notes", "", ""}, // not executable
		{"cp", "", ""},
		{"bin/sh", "", "/bin/sh"},
		{"/loop", "", ""},
		{"", "", ""},
	}
	for _, c := range cases {
		got, ok, err := image.HasProgram(context.Background(), m, c.name, c.path)
		if err != nil || ok != (c.want != "") || (ok && got != c.want) {
			t.Errorf("HasProgram(%q, %q) = %s, %v, %v, want %q", c.name, c.path, got, ok, err, c.want)
		}
	}
}
