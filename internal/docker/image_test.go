//go:build engine

package docker

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/podseal/podseal/internal/image"
)

func TestTree(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	facts := b.app(func(c *v1.Config) { c.WorkingDir = "/made/by/engine" },
		file{Name: "etc/", Mode: 0o755}, file{Name: "etc/passwd", Mode: 0o640, UID: 3, GID: 4, Data: []byte("root")},
		file{Name: "etc/sub/", Mode: 0o2770, UID: 5, GID: 6}, file{Name: "etc/sub/f", Mode: 0o4755, Data: []byte("12345")},
		file{Name: "var/", Mode: 0o755}, file{Name: "var/conf", Link: "../etc"}, file{Name: "etc/pw", Link: "/var/conf/passwd"},
		file{Name: "loop", Link: "loop"})
	tree, err := b.Tree(t.Context(), facts)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tree.Close(t.Context()) }()
	probe := func(at string, e image.Entry, ok bool) {
		t.Helper()
		p, found, err := image.Probe(t.Context(), tree, at)
		if err != nil || found != ok || p.Path != e.Path || p.Kind != e.Kind || p.Mode.Perm() != e.Mode.Perm() || (p.Link == "") != (e.Link == "") {
			t.Errorf("Probe %s = %+v, %t, %v", at, p, found, err)
		}
	}
	lookup := func(at, want string) {
		t.Helper()
		e, ok, err := tree.Lookup(t.Context(), at)
		if err != nil {
			t.Errorf("Lookup %s: %v", at, err)
		}
		probe(at, e, ok)
		got := "nothing"
		if ok {
			got = fmt.Sprintf("%s %s %v %d:%d %d %s", e.Path, e.Kind, e.Mode, e.UID, e.GID, e.Size, e.Link)
		}
		expect(t, got, want)
	}
	if e, ok, err := image.Probe(t.Context(), tree, "/var/conf/sub/f"); err != nil || !ok || e.Mode != fs.ModeSetuid|0o755 || e.Size != 5 {
		t.Errorf("Probe = %+v, %t, %v", e, ok, err)
	}
	for range 2 { // the second time from the cache
		lookup("/etc/passwd", "/etc/passwd file -rw-r----- 3:4 4")
		lookup("/var/conf/sub", "/etc/sub dir grwxrwx--- 5:6 0")
		lookup("/var/conf/sub/f", "/etc/sub/f file urwxr-xr-x 0:0 5")
		lookup("/var/conf", "/var/conf symlink -rwxrwxrwx 0:0 0 ../etc")
		lookup("/not/there", "nothing")
		lookup("/etc/passwd/below/file", "nothing")
		lookup("/made/by/engine", "nothing")
	}
	if _, _, err := tree.Lookup(t.Context(), "/loop/x"); !errors.Is(err, image.ErrLoop) {
		t.Errorf("a loop: %v", err)
	}
	list := func(at string, limit int) string {
		entries, more, err := tree.List(t.Context(), at, limit)
		if err != nil {
			t.Errorf("List %s: %v", at, err)
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Path)
		}
		return fmt.Sprint(names, more)
	}
	expect(t, list("/var/conf/sub", 10), "[/etc/sub/f] false")
	expect(t, list("/etc", 2), "[/etc/hostname /etc/hosts] true")
	expect(t, list("/var/conf", 10), "[] false")
	expect(t, list("/not/there", 10), "[] false")
	if all := list("/", 1000); !strings.Contains(all, " /app ") || !strings.Contains(all, " /etc/sub/f ") {
		t.Errorf("List / = %s", all)
	}
	for range 2 {
		if data, err := tree.ReadFile(t.Context(), "/etc/pw"); err != nil || string(data) != "root" {
			t.Errorf("ReadFile = %q, %v", data, err)
		}
	}
	if _, err := tree.ReadFile(t.Context(), "/etc/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadFile of nothing: %v", err)
	}
	if err := tree.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestImageFacts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	facts := b.app(func(c *v1.Config) {
		c.User, c.Env, c.Cmd, c.WorkingDir = "app", []string{"A=b"}, []string{"wait"}, "/w"
		c.StopSignal, c.Labels = "SIGQUIT", map[string]string{"l": "1"}
		c.Healthcheck = &v1.HealthConfig{Test: []string{"CMD", "/app", "id"}, Retries: 3}
		c.ExposedPorts, c.Volumes = map[string]struct{}{"80/tcp": {}}, map[string]struct{}{"/v": {}}
	})
	c := facts.Config.Config
	if c.User != "app" || c.WorkingDir != "/w" || c.StopSignal != "SIGQUIT" || c.Labels["l"] != "1" || c.Healthcheck.Retries != 3 ||
		len(c.ExposedPorts) != 1 || len(c.Volumes) != 1 || c.Entrypoint[0] != "/app" || c.Cmd[0] != "wait" || c.Env[0] != "A=b" {
		t.Errorf("Config = %+v", c)
	}
	if !strings.HasPrefix(facts.ID, "sha256:") || !strings.HasPrefix(facts.Platform, "linux/") || len(facts.Config.RootFS.DiffIDs) != 1 {
		t.Errorf("facts = %+v", facts)
	}
	if byID, err := b.Image(t.Context(), facts.ID, ""); err != nil || byID.ID != facts.ID {
		t.Errorf("by id: %+v, %v", byID, err)
	}
}

func TestImageErrors(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ref := b.app(nil).Ref
	for _, tt := range []struct{ ref, platform, says string }{
		{"UPPER case", "", "not an image reference"},
		{"sha256:" + strings.Repeat("0", 64), "", "no image with this id"},
		{"127.0.0.1:1/nothing/here:1", "", "cannot reach its registry"},
		{ref, "windows/amd64", "only Linux images"},
		{ref, "nonsense", "not of the form"},
	} {
		_, err := b.Image(t.Context(), tt.ref, tt.platform)
		var refused *ImageError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("Image(%s, %s) = %v", tt.ref, tt.platform, err)
		}
	}
}
