package composefile

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/golden"
)

// TestConvert converts the "compose.yaml" of testdata/*.txtar in a folder named "shop". "want" is the manifest with the
// notes, or the error.
func TestConvert(t *testing.T) {
	golden.Run(t, "testdata/*.txtar", func(t *testing.T, a *txtar.Archive) []txtar.File {
		root := filepath.Join(t.TempDir(), "shop")
		var source []byte
		for _, f := range a.Files {
			name := filepath.Join(root, f.Name)
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, f.Data, 0o644); err != nil {
				t.Fatal(err)
			}
			if f.Name == "compose.yaml" {
				source = f.Data
			}
		}
		if !Is(source) {
			return golden.Want("no Compose file\n")
		}
		out, notes, err := Convert(t.Context(), filepath.Join(root, "compose.yaml"), source, []string{"TAG=2"})
		text := string(out)
		if err != nil {
			text = "error: " + err.Error() + "\n"
		}
		for _, n := range notes {
			text += "# " + n + "\n"
		}
		return golden.Want(strings.ReplaceAll(text, root, "/shop"))
	})
}

// TestServices: each service is a separate pod, after those that it depends on.
func TestServices(t *testing.T) {
	p, err := Read(t.Context(), "compose.yaml", []byte(`
services:
  web: {image: w, depends_on: [db], ports: ["8080:80", "53:53/udp"], tmpfs: [/run]}
  db: {build: ., depends_on: {migrate: {condition: service_completed_successfully}}}
  migrate: {image: m}
  other: {image: o}
name: shop
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	all, err := p.Services("web")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range all {
		got = append(got, fmt.Sprintf("%s %s built %t needs %v ports %v completes %t volumes %t", s.Name, s.Image, s.Built, s.Needs, s.Ports, s.Completes, s.Volumes))
	}
	want := []string{
		"migrate m built false needs [] ports [] completes true volumes false",
		"db shop-db built true needs [migrate] ports [] completes false volumes false",
		"web w built false needs [db] ports [80] completes false volumes true",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if _, err := p.Services("gone"); err == nil || !strings.Contains(err.Error(), "has no service gone: it has migrate, db, other, web") {
		t.Errorf("got %v", err)
	}
	text, _, err := p.Pod("db")
	if err != nil || !strings.Contains(string(text), "\n  name: db\n") || strings.Contains(string(text), "hostAliases") || strings.Contains(string(text), "image: w") {
		t.Errorf("%v\n%s", err, text)
	}
}

// TestFilesHaveALimit: the library reads files with variables or labels whole.
func TestFilesHaveALimit(t *testing.T) {
	for _, key := range []string{"env_file", "label_file"} {
		_, err := Read(t.Context(), "compose.yaml", []byte("services: {web: {image: w, "+key+": [/dev/zero]}}"), nil)
		if err == nil || !strings.Contains(err.Error(), "service web: /dev/zero is a device") {
			t.Errorf("%s: got %v", key, err)
		}
	}
}
