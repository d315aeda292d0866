package views

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFromRoot: a forge shows files relative to the checked-out repository; the name of something that was built is no file.
func TestFromRoot(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "deploy"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "deploy", "web.yaml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CI_PROJECT_DIR", "")
	t.Chdir(filepath.Join(root, "deploy"))
	for _, c := range []struct{ workspace, file, want string }{
		{"", "web.yaml", "web.yaml"},
		{root, "web.yaml", "deploy/web.yaml"},
		{root, "service web of compose.yaml", ""},
		{root, "web.yaml/", "deploy/web.yaml"},
	} {
		t.Setenv("GITHUB_WORKSPACE", c.workspace)
		if got := fromRoot(c.file); got != c.want {
			t.Errorf("%s in %q: %q, want %q", c.file, c.workspace, got, c.want)
		}
	}
}
