package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/podseal/podseal/internal/exitcode"
)

func TestErrorLineIsSafe(t *testing.T) {
	var out, errs bytes.Buffer
	code := execute([]string{"run", "a\x1b[2J\u202e\nb", "c"}, streams{in: strings.NewReader(""), out: &out, err: &errs})
	execute([]string{"\x1b[2J\u202e\u009b\x7f"}, streams{in: strings.NewReader(""), out: &out, err: &errs})
	if strings.IndexFunc(errs.String(), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) >= 0 || code != exitcode.Usage {
		t.Errorf("exit %d, %q", code, errs.String())
	}
}

func TestUnreadableClusterImageIsBadInput(t *testing.T) {
	var out, errs bytes.Buffer
	config := filepath.Join(t.TempDir(), "config")
	cluster := "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c}}]\nclusters: [{name: c, cluster: {server: http://127.0.0.1:1}}]\n"
	if err := os.WriteFile(config, []byte(cluster), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"run", "--engine", "kubernetes", "--kubeconfig", config, "--image-source", filepath.Join(t.TempDir(), "none.tar"), "app"}
	code := execute(args, streams{in: strings.NewReader(""), out: &out, err: &errs})
	if code != exitcode.Usage || !strings.Contains(errs.String(), "none of the files of --image-source") {
		t.Errorf("exit %d, %q", code, errs.String())
	}
}
