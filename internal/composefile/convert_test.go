package composefile

import (
	"os"
	"path/filepath"
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
		out, notes, err := Convert(filepath.Join(root, "compose.yaml"), source, []string{"TAG=2"})
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
