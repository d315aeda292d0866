package seals

import (
	"testing"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/sealfile"
)

// TestHiddenArguments makes sure that a check finds no drift where a seal hides a part of an argument.
func TestHiddenArguments(t *testing.T) {
	const text = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - {name: a, image: app, args: [serve, --token=tok_1]}\n"
	for recorded, want := range map[string]int{"--token=***": 0, "--token=(secret)": 0, "--token=tok_1": 0, "--key=***": 1} {
		f, err := manifest.Parse("p.yaml", []byte(text), "")
		if err != nil {
			t.Fatal(err)
		}
		targets, err := manifest.Select([]*manifest.File{f}, manifest.Selection{})
		if err != nil {
			t.Fatal(err)
		}
		s := sealfile.Seal{Object: "Pod p", Container: "a", Image: sealfile.Image{Reference: "app"}, Manifest: sealfile.Manifest{Args: []string{"serve", recorded}}}
		_, found := Check([]Subject{{Targets: targets, Entries: []sealfile.Entry{{Seal: s}}}}, Options{})
		n := 0
		for _, f := range found {
			if f.Subject == "args" {
				n++
			}
		}
		if n != want {
			t.Errorf("%s: %d findings about args, want %d: %+v", recorded, n, want, found)
		}
	}
}
