//go:build engine

package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestDockerRunLine runs the line of --format docker unchanged, but in the background, and the example's e2e script
// against the container.
func TestDockerRunLine(t *testing.T) {
	for _, ex := range examples() {
		if ex.name == "redis" || ex.name == "memcached" {
			continue // like the others, only with less
		}
		t.Run(ex.name, func(t *testing.T) {
			script := "examples/" + ex.name + "/e2e.sh"
			args := append([]string{"run", "podseal-example/" + ex.name + ":latest", "--quiet", "--minimize", "none", "--format", "docker"}, ex.flags...)
			got := podseal(t, append(args, "--", "bash", script)...)
			got.mustExit(t, exitSealed)
			line := strings.Replace(got.stdout, "docker run --rm", "docker run --rm --detach", 1)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			said, err := exec.CommandContext(ctx, "sh", "-c", line).Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, line)
			}
			id := strings.TrimSpace(string(said))
			t.Cleanup(func() { _ = exec.Command("docker", "rm", "--force", "--volumes", id).Run() })
			mustPassIn(ctx, t, id, ex, script)
		})
	}
}

// mustPassIn waits until a container is ready and runs the script against it.
func mustPassIn(ctx context.Context, t *testing.T, id string, ex example, script string) {
	t.Helper()
	said, err := exec.CommandContext(ctx, "docker", "port", id).Output()
	if err != nil {
		t.Fatal(err)
	}
	_, port, ok := strings.Cut(string(said), "127.0.0.1:")
	if !ok {
		t.Fatalf("no port is published: %q", said)
	}
	env := append(os.Environ(), "PODSEAL_HOST=127.0.0.1", "PODSEAL_PORT="+strings.TrimSpace(port), "PODSEAL_CONTAINER="+id)
	for {
		out, err := shell(ctx, env, ex.ready)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			log, _ := exec.Command("docker", "logs", id).CombinedOutput()
			t.Fatalf("not ready: %v\n%s\n%s", err, out, log)
		}
		time.Sleep(250 * time.Millisecond)
	}
	if out, err := shell(ctx, env, "bash "+script); err != nil {
		log, _ := exec.Command("docker", "logs", id).CombinedOutput()
		t.Fatalf("%s: %v\n%s\n%s", script, err, out, log)
	}
}

// TestSealInPlace seals a manifest in place, shows the difference, and writes its companion files. git applies the
// difference to the original and gets the same.
func TestSealInPlace(t *testing.T) {
	dir := t.TempDir()
	before, err := os.ReadFile(filepath.Join(shared.root, "examples/nginx/deployment.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	before = bytes.ReplaceAll(before, []byte("\n"), []byte("\r\n"))
	file, policy, labels := filepath.Join(dir, "deployment.yaml"), filepath.Join(dir, "policy.yaml"), filepath.Join(dir, "namespace.yaml")
	if err := os.WriteFile(file, before, 0o640); err != nil {
		t.Fatal(err)
	}
	got := podseal(t, "run", "-f", file, "--in-place", "--diff", "--network-policy", policy, "--pod-security", labels,
		"--minimize", "none", "--verbose", "--", "bash", "examples/nginx/e2e.sh")
	got.mustExit(t, exitSealed)
	after, err := os.ReadFile(file)
	if err != nil || bytes.Equal(before, after) {
		t.Fatalf("the file is not sealed (%v); stderr:\n%s", err, got.stderr)
	}
	for name, part := range map[string]string{policy: "port: 80\n", labels: "pod-security.kubernetes.io/enforce: restricted"} {
		if data, err := os.ReadFile(name); err != nil || !strings.Contains(string(data), part) {
			t.Errorf("%s: %v\n%s", name, err, data)
		}
	}
	for _, part := range []string{"Written", "automountServiceAccountToken", "NetworkPolicy"} {
		if !strings.Contains(got.stderr, part) {
			t.Errorf("the report has no %q:\n%s", part, got.stderr)
		}
	}

	for line := range strings.Lines(got.stdout) {
		if strings.HasPrefix(line, "-") && !strings.HasPrefix(line, "--- a/") {
			t.Errorf("a line of the author's goes: %q", line)
		}
	}
	if err := os.WriteFile(file, before, 0o640); err != nil {
		t.Fatal(err)
	}
	apply := exec.Command("git", "apply", "-")
	apply.Dir, apply.Stdin = dir, strings.NewReader(got.stdout) // the folder that the output names
	if out, err := apply.CombinedOutput(); err != nil {
		t.Fatalf("git apply: %v\n%s\n%s", err, out, got.stdout)
	}
	if applied, err := os.ReadFile(file); err != nil || !bytes.Equal(applied, after) {
		t.Errorf("git apply makes something else (%v):\n%s", err, applied)
	}
}
