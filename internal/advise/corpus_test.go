package advise_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/podseal/podseal/internal/advise"
	"github.com/podseal/podseal/internal/image"
)

// recorded returns an image whose config and files were recorded: one line of JSON, and the tree of the files that advice on
// it reads.
func recorded(t *testing.T, text string) (image.Facts, image.Tree) {
	t.Helper()
	config, tree, _ := strings.Cut(text, "\n")
	var file v1.ConfigFile
	if err := json.Unmarshal([]byte(config), &file); err != nil {
		t.Fatal(err)
	}
	m, err := image.ParseMemTree(tree)
	if err != nil {
		t.Fatal(err)
	}
	return image.Facts{Ref: "example.com/app:1", Config: &file}, m
}

// The answers were found by running each application.
func TestRecordedImages(t *testing.T) {
	want := map[string]struct {
		model    advise.Model
		uid, gid int64
	}{
		"go-scratch":         {advise.NonRoot, 10001, 10001},
		"haproxy":            {advise.NamedUser, 99, 99},
		"httpd":              {advise.RootWorkers, 33, 33},
		"java-fatjar":        {advise.NamedUser, 999, 999},
		"memcached":          {advise.NamedUser, 11211, 11211},
		"nats-distroless":    {advise.NamedUser, 65532, 65532},
		"nginx":              {advise.RootWorkers, 101, 101},
		"nginx-template":     {advise.RootWorkers, 101, 101},
		"nginx-unprivileged": {advise.NonRoot, 101, 101},
		"node-app":           {advise.NamedUser, 1000, 1000},
		"postgres":           {advise.RootDrops, 999, 999},
		"rabbitmq":           {advise.RootDrops, 999, 999},
		"redis":              {advise.RootDrops, 999, 999},
		"rootdir-writer":     {advise.Root, advise.FallbackID, advise.FallbackID},
		"supervisord":        {advise.Root, 33, 33},
		"ticker":             {advise.NonRoot, 2000, 2000},
	}
	files, err := filepath.Glob("testdata/corpus/*.txt")
	if err != nil || len(files) != len(want) {
		t.Fatalf("%d recorded images, want %d (%v)", len(files), len(want), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		facts, tree := recorded(t, string(text))
		for _, scan := range []bool{false, true} {
			r, err := advise.Image(context.Background(), facts, tree, advise.Options{Scan: scan})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			w := want[name]
			if r.Model != w.model || r.User.UID != w.uid || r.User.GID != w.gid {
				t.Errorf("%s (scan %v): %s %+v, want %+v\n%s", name, scan, r.Model, r.User, w, r.Text())
			}
		}
	}
}
