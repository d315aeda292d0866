//go:build unix

package input

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestKustomizeFilesHaveALimit: the library reads the files of a kustomization whole.
func TestKustomizeFilesHaveALimit(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte("resources: [pod.yaml]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(folder, "pod.yaml"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := buildKustomization(t.Context(), folder, ""); err == nil || !strings.Contains(err.Error(), "is a device, a pipe or a socket") {
		t.Errorf("got %v", err)
	}
}
