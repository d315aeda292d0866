package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/redact"
)

func TestErrorLineIsSafe(t *testing.T) {
	var out, errs bytes.Buffer
	code := execute([]string{"run", "a\x1b[2J\u202e\nb", "c"}, streams{in: strings.NewReader(""), out: &out, err: &errs})
	execute([]string{"\x1b[2J\u202e\u009b\x7f"}, streams{in: strings.NewReader(""), out: &out, err: &errs})
	if strings.IndexFunc(errs.String(), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) >= 0 || code != exitcode.Usage {
		t.Errorf("exit %d, %q", code, errs.String())
	}
}

// TestMissingRightIsBadInput: the user's role is to be changed, as with podseal verify. Another refusal is one of the engine.
func TestMissingRightIsBadInput(t *testing.T) {
	for kind, want := range map[kube.RefusalKind]int{kube.NotPermitted: exitcode.Usage, kube.Quota: exitcode.Engine} {
		err := fmt.Errorf("target web: %w", &kube.Refusal{Kind: kind})
		if got := exitCode(t.Context(), err, streams{err: io.Discard, redact: &redact.Redactor{}}); got != want {
			t.Errorf("%s: exit code %d, want %d", kind, got, want)
		}
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
