//go:build engine

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestCIWalkthrough does what examples/ci shows: seal, check, a release that writes somewhere new, and its seal.
func TestCIWalkthrough(t *testing.T) {
	engineOrSkip(t)
	images := exec.Command(filepath.Join(shared.root, "scripts", "images.sh"), "nginx", "redis", "examples/ci/api", "examples/ci/api-audit")
	if out, err := images.CombinedOutput(); err != nil {
		t.Fatalf("building the images: %v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(shared.root, "examples", "ci", "walkthrough.sh"))
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(shared.binary)+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	rerun, later, _ := strings.Cut(string(out), "$ podseal compare")
	for _, want := range []string{"drift/new-mount", "drift/new-write", "server (uid 10001) writes /var/lib/audit/visits.log at its start"} {
		if !strings.Contains(rerun, want) {
			t.Errorf("the check does not say %q", want)
		}
	}
	for _, want := range []string{"+ mount /var/lib/audit", "+ /var/lib/audit/visits.log: server (uid 10001) at its start", "+      mountPath: /var/lib/audit"} {
		if !strings.Contains(later, want) {
			t.Errorf("the comparison or the change of the manifest does not say %q", want)
		}
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
}
