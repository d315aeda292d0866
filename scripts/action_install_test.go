// Package scripts_test tests the scripts that users run outside of this repository.
package scripts_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

const program = "#!/bin/sh\necho podseal ran\n"

// archive returns a release's archive with one program.
func archive(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Name: "podseal", Mode: 0o755, Size: int64(len(program))}); err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write([]byte(program))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestActionInstall installs a release from a server, and refuses one that is not what the job names.
func TestActionInstall(t *testing.T) {
	data := archive(t)
	sum := sha256.Sum256(data)
	good := hex.EncodeToString(sum[:])
	name := "podseal_1.2.3_" + runtime.GOOS + "_" + runtime.GOARCH + ".tar.gz"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1.2.3/"+name {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(data)
	}))
	defer server.Close()
	for _, c := range []struct{ name, version, sums, want string }{
		{"right", "1.2.3", good, ""},
		{"a leading v", "v1.2.3", good, ""},
		{"one of several", "1.2.3", strings.Repeat("0", 64) + "\n" + good, ""},
		{"other bytes", "1.2.3", strings.Repeat("0", 64), "which is not among those that the job names"},
		{"no checksum", "1.2.3", "", "give the SHA-256"},
		{"latest", "latest", good, "give the version of a release"},
		{"no version", "", good, "give the version of a release"},
		{"no such release", "9.9.9", good, "is there such a release?"},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "with space")
			cmd := exec.Command("./action-install.sh", folder)
			cmd.Env = append(os.Environ(), "VERSION="+c.version, "SHA256="+c.sums, "RELEASES="+server.URL)
			out, err := cmd.CombinedOutput()
			if (err == nil) != (c.want == "") || !strings.Contains(string(out), c.want) {
				t.Fatalf("%v: %s", err, out)
			}
			installed, err := exec.Command(filepath.Join(folder, "podseal")).Output()
			if got := string(installed); (err == nil) != (c.want == "") || err == nil && got != "podseal ran\n" {
				t.Errorf("the program: %v, %q", err, got)
			}
			left, _ := filepath.Glob(filepath.Join(folder, "*.gz"))
			if len(left) > 0 {
				t.Errorf("%s is left", left)
			}
		})
	}
}
