package outfile

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPatchBase(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"repo/.git", "repo/sub/deep", "repo/sub2", "plain/a", "plain/b"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	worktree := filepath.Join(root, "worktree")
	if err := os.MkdirAll(filepath.Join(worktree, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(worktree, ".git"), []byte("gitdir: elsewhere\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	abs := func(name string) string { return filepath.Join(root, name) }
	for _, c := range []struct {
		here      string
		files     []string
		dir, name string // of the first file
	}{
		{"repo", []string{"Dockerfile"}, "", "Dockerfile"},
		{"repo", []string{"./sub/../sub/f"}, "", "sub/f"},
		{"repo", []string{"."}, "", "."},
		{"repo/sub", []string{"f"}, "", "f"},
		{"repo/sub", []string{"../sub/f"}, "", "f"},
		{"repo/sub", []string{abs("repo/sub/deep/f")}, "", "deep/f"},
		{"repo/sub", []string{"../sub2/f"}, "..", "sub2/f"},
		{"repo/sub/deep", []string{"../../f"}, "../..", "f"},
		{"repo/sub", []string{".."}, "..", "."},
		{"repo/sub", []string{abs("repo/sub2/f")}, abs("repo"), "sub2/f"},
		{"repo/sub", []string{"f", "../sub2/f"}, "..", "sub/f"},
		{"plain/a", []string{"../../repo/sub/f"}, "../../repo", "sub/f"},
		{"plain/a", []string{abs("worktree/x/f")}, worktree, "x/f"},
		{"plain/a", []string{"../b/f"}, "../b", "f"},
		{"plain/a", []string{"../b"}, "../b", "."},
		{"plain/a", []string{"../b/f", "../c"}, "..", "b/f"},
		{"plain/a", []string{abs("repo/sub/f"), abs("plain/b/f")}, root, "repo/sub/f"},
	} {
		t.Chdir(abs(c.here))
		b := NewPatchBase(c.files...)
		if got := b.Name(c.files[0]); b.Dir() != c.dir || got != c.name {
			t.Errorf("in %s, %q: %s in %q, want %s in %q", c.here, c.files, got, b.Dir(), c.name, c.dir)
		}
	}
}
