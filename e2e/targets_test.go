//go:build engine

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// writeConfig writes a podseal.yaml into a new folder and returns its name.
func writeConfig(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "podseal.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestTargets seals three targets. One fails, and the others are written, with the suites of their proofs, and one of
// them reaches the service that it needs.
func TestTargets(t *testing.T) {
	name := writeConfig(t, `version: 1
defaults:
  outputs: {manifest: "{name}.yaml", seal: "{name}.seal.yaml"}
services:
  store: {image: podseal-example/memcached}
targets:
  - name: broken
    image: podseal-example/memcached
    commands: ["exit 3"]
  - name: web
    image: podseal-example/nginx
    commands: [{suite: page, commands: ["curl -fsS $PODSEAL_URL/ >/dev/null && test -f podseal.yaml"]}]
  - name: cache
    image: podseal-example/redis
    needs: [store]
    commands: [{exec: "redis-cli set a b && getent hosts store"}]
`)
	r := podseal(t, "run", "--config", name, "--minimize", "fast", "--report", "json="+name+".json")
	r.mustExit(t, exitE2EFails)
	if r.stdout != "" {
		t.Errorf("stdout: %s", r.stdout)
	}
	last := 0
	for _, line := range []string{"target broken\nnot testable", "target web\nsealed", "target cache\nsealed"} {
		at := strings.Index(r.stderr, line)
		if at < last {
			t.Fatalf("stderr has %q not in its place:\n%s", line, r.stderr)
		}
		last = at
	}
	for file, want := range map[string]bool{
		"broken.yaml": false, "broken.seal.yaml": false, "web.yaml": true, "web.seal.yaml": true, "cache.yaml": true, "cache.seal.yaml": true,
	} {
		if _, err := os.Stat(filepath.Join(filepath.Dir(name), file)); (err == nil) != want {
			t.Errorf("%s: written %t, want %t", file, !want, want)
		}
	}
	report, err := os.ReadFile(name + ".json")
	if err != nil || !strings.Contains(string(report), `"suite": "page"`) || !strings.Contains(string(report), `"name": "cache"`) {
		t.Errorf("the report names no suite or no target: %v", err)
	}
	checked := podseal(t, "check", "--config", name, "web", "cache")
	checked.mustExit(t, exitSealed)
}

// TestTargetsInterrupted: an interrupt ends the runs of all targets, and nothing is left of them.
func TestTargetsInterrupted(t *testing.T) {
	engineOrSkip(t)
	marker := filepath.Join(t.TempDir(), "pid")
	name := writeConfig(t, `version: 1
targets:
  - {name: one, image: podseal-example/nginx, commands: ["echo $$ $PODSEAL_CONTAINER > `+marker+`; exec sleep 600"]}
  - {name: two, image: podseal-example/memcached, commands: ["exec sleep 600"]}
  - {name: three, image: podseal-example/memcached, commands: []}
`)
	s := startLive(t, marker, "run", "--config", name, "-j", "2")
	s.signal(syscall.SIGINT)
	if code := s.mustEnd(45 * time.Second); code != exitInterrupted {
		t.Errorf("exit code %d, want %d:\n%s", code, exitInterrupted, s.stderr())
	}
	s.mustBeGone()
}
