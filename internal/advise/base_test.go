package advise_test

import (
	"context"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/podseal/podseal/internal/advise"
	"github.com/podseal/podseal/internal/image"
)

// The sources that name a base image, each one present: the better ones win, and only the last one is a guess.
func TestBaseImage(t *testing.T) {
	hash := func(c string) string { return "sha256:" + strings.Repeat(c, 64) }
	name := map[string]string{"org.opencontainers.image.base.name": "example.com/declared:1"}
	known := func(context.Context) ([]image.Stack, error) {
		return []image.Stack{
			{Ref: "debian:13", Layers: []string{hash("a")}},
			{Ref: "team/base:1", Layers: []string{hash("a"), hash("b")}},
			{Ref: "other:1", Layers: []string{hash("c")}},
		}, nil
	}
	fromCatalog := advise.Catalog{Bases: []advise.CatalogBase{{Image: "shipped:1", Layers: []string{hash("a"), hash("b")}}}}
	tree, err := image.ParseMemTree("-- /etc/os-release --\nPRETTY_NAME=\"Some Linux\"\n")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		annotations, labels map[string]string
		opts                advise.Options
		want                []string
	}{
		{name, nil, advise.Options{Known: known}, []string{"the base image is example.com/declared:1"}},
		{nil, name, advise.Options{}, []string{"the base image is example.com/declared:1"}},
		{nil, name, advise.Options{Known: known}, []string{"the base image is example.com/declared:1", "the base image is team/base:1"}},
		{nil, nil, advise.Options{Known: known}, []string{"the base image is team/base:1"}},
		{nil, nil, advise.Options{Known: known, Catalog: fromCatalog}, []string{"the base image is shipped:1 or team/base:1"}},
		{nil, nil, advise.Options{Catalog: fromCatalog}, []string{"the base image is shipped:1"}},
		{nil, nil, advise.Options{}, []string{"a guess: the base image is one of Some Linux"}},
	}
	for _, tt := range tests {
		config := &v1.ConfigFile{OS: "linux", Config: v1.Config{Labels: tt.labels}}
		for _, c := range []string{"a", "b", "d"} {
			config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, v1.Hash{Algorithm: "sha256", Hex: strings.Repeat(c, 64)})
		}
		r, err := advise.Image(context.Background(), image.Facts{Ref: "x", Config: config, Annotations: tt.annotations}, tree, tt.opts)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range r.Findings {
			if f.ID == advise.IDBase {
				got = append(got, f.Says)
			}
		}
		if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
			t.Errorf("%v %v: %q, want %q", tt.annotations, tt.labels, got, tt.want)
		}
	}
}
