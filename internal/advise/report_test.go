package advise_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"

	"github.com/podseal/podseal/internal/advise"
	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/image"
)

// layers is a tree with some layers that were read already.
type layers struct {
	image.Tree
	read, all int
}

func (l layers) LayersRead() (read, all int) { return l.read, l.all }

// A golden is the config and the tree of an image, a catalog, and the report on the image. The comment has settings, a line
// each: deep, windows, platform P, read N (of 2 layers; without it the tree is no stack of layers), user N, group N.
func TestReports(t *testing.T) {
	golden.Run(t, "testdata/reports/*.txtar", func(t *testing.T, a *txtar.Archive) []txtar.File {
		file := v1.ConfigFile{OS: "linux"}
		if err := yaml.Unmarshal([]byte(golden.Section(a, "config")), &file.Config); err != nil {
			t.Fatal(err)
		}
		m, err := image.ParseMemTree(golden.Tree(a))
		if err != nil {
			t.Fatal(err)
		}
		facts, opts, tree := image.Facts{Ref: "example.com/app:1", Config: &file}, advise.Options{}, image.Tree(m)
		for line := range strings.Lines(string(a.Comment)) {
			word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
			var n int64
			_, _ = fmt.Sscan(rest, &n)
			switch word {
			case "deep":
				opts.Scan = true
			case "windows":
				file.OS = "windows"
			case "platform":
				facts.Platform = rest
			case "read":
				tree = layers{m, int(n), 2}
			case "user":
				opts.RunAsUser = &n
			case "group":
				opts.RunAsGroup = &n
			}
		}
		if text := golden.Section(a, "catalog"); text != "" {
			if opts.Catalog, err = advise.ParseCatalog([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		r, err := advise.Image(context.Background(), facts, tree, opts)
		if err != nil {
			t.Fatal(err)
		}
		return golden.Want(fmt.Sprintf("declares root: %t\n%s", r.Model.DeclaresRoot(), r.Text()))
	})
}
