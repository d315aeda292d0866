//go:build engine

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// built builds an image of Dockerfile lines and files, and removes it with the test.
func built(t testing.TB, dockerfile string, files map[string]string) string {
	t.Helper()
	engineOrSkip(t)
	dir := t.TempDir()
	files["Dockerfile"] = dockerfile
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ref := fmt.Sprintf("podseal-e2e/%s:%d", strings.ToLower(t.Name()), os.Getpid())
	build := exec.CommandContext(t.Context(), "docker", "build", "-q", "-t", ref, dir)
	build.Env = append(os.Environ(), "DOCKER_BUILDKIT=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building an image: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.CommandContext(context.Background(), "docker", "rmi", "-f", ref).CombinedOutput(); err != nil {
			t.Errorf("removing the image: %v\n%s", err, out)
		}
	})
	return ref
}

// TestSeedImage seals an image without a shell whose data folder has shipped files: it says which flags help, and with
// them seals.
func TestSeedImage(t *testing.T) {
	t.Parallel()
	ref := built(t, "FROM podseal-example/scratch:latest\nCOPY --chown=10001:10001 shipped /data/shipped\n", map[string]string{"shipped": "from the image\n"})
	script := `bash examples/scratch/e2e.sh && curl -fsS http://$PODSEAL_HOST:$PODSEAL_PORT/files/shipped | grep -q image`
	report := filepath.Join(t.TempDir(), "report.json")
	run := func(flags ...string) result {
		args := append([]string{"run", ref, "--ready-http", "/healthz", "--report", "json=" + report}, flags...)
		return podseal(t, append(args, "--", "sh", "-c", script)...)
	}
	without := run()
	without.mustExit(t, exitNotSealed)
	for _, word := range []string{"/data", "no sh", "--seed-image", "--kubernetes-version"} {
		if !strings.Contains(strings.Join(strings.Fields(without.stderr), " "), word) {
			t.Errorf("nothing about %s:\n%s", word, without.stderr)
		}
	}
	run("--seed-image", "podseal-example/redis:latest").mustExit(t, exitNotSealed)
	got := run("--seed-image", "podseal-example/redis:latest", "--kubernetes-version", "1.36", "--size-limits")
	got.mustExit(t, exitSealed)
	pod := decodePod(t, got.stdout)
	mustBeRestricted(t, pod)
	inits := pod.Spec.InitContainers
	if len(inits) != 1 || inits[0].Image != "podseal-example/redis:latest" || !strings.Contains(strings.Join(inits[0].Command, " "), "/podseal-image/data/.") {
		t.Errorf("init containers: %+v", inits)
	}
	images, limits := 0, 0
	for _, v := range pod.Spec.Volumes {
		if v.Image != nil && v.Image.Reference == ref {
			images++
		}
		if v.EmptyDir != nil && v.EmptyDir.SizeLimit != nil && v.EmptyDir.SizeLimit.Value() >= 16<<20 {
			limits++
		}
	}
	if images != 1 || limits != 2 {
		t.Errorf("%d image volumes and %d limits, want 1 and 2:\n%s", images, limits, got.stdout)
	}
}

// TestStalePidFile seals an application that does not start over the pid file of its earlier start: an exception
// names the mount and the file.
func TestStalePidFile(t *testing.T) {
	t.Parallel()
	ref := built(t, "FROM podseal-example/debian:bookworm\nCOPY start.sh /start.sh\nRUN mkdir /run/app /srv/data && chown 1000:1000 /run/app /srv/data\n"+
		"USER 1000:1000\nENTRYPOINT [\"sh\", \"/start.sh\"]\n", map[string]string{"start.sh": `
trap 'exit 0' TERM
if [ -e /run/app/pid ]; then echo "is it running already?"; exit 1; fi
echo $$ >/run/app/pid && echo x >/srv/data/x || exit 1
echo ready
while :; do sleep 0.1; done
`})
	report := filepath.Join(t.TempDir(), "report.json")
	got := podseal(t, "run", ref, "--ready-log", "ready", "--ready-timeout", "20s", "--report", "json="+report, "--exec", "test -s /srv/data/x")
	got.mustExit(t, exitNotSealed)
	data, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Exceptions []struct{ Setting, Why, Fix string }
		Profile    struct{ Mounts []struct{ Path string } }
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Exceptions) != 1 || r.Exceptions[0].Setting != "restart" || !strings.Contains(r.Exceptions[0].Why, "is it running already?") ||
		!strings.Contains(r.Exceptions[0].Fix, "/run/app/pid") || strings.Contains(r.Exceptions[0].Fix, "/srv/data") {
		t.Errorf("exceptions: %+v\n%s", r.Exceptions, got.stderr)
	}
	var mounts []string
	for _, m := range r.Profile.Mounts {
		mounts = append(mounts, m.Path)
	}
	if want := []string{"/run/app", "/srv/data"}; !slices.Equal(mounts, want) {
		t.Errorf("mounts %v, want %v", mounts, want)
	}
	podseal(t, "run", ref, "--ready-log", "ready", "--ready-timeout", "20s", "--allow", "restart", "--minimize", "none", "-q", "--exec", "true").mustExit(t, exitSealed)
}

// TestSeedKeepsTimes seals an application whose entrypoint updates its configuration by the age of the files: the seed
// has the times of the image, so that the update happens and other files keep theirs.
func TestSeedKeepsTimes(t *testing.T) {
	t.Parallel()
	ref := built(t, `FROM podseal-example/debian:bookworm
RUN mkdir /config /defaults && echo schema=1 >/config/app.conf && touch -d 2021-01-01T00:00Z /config/app.conf /config/local.conf && \
    echo schema=2 >/defaults/app.conf && touch -d 2024-01-01T00:00Z /defaults/app.conf && chown -R 1800:1800 /config
COPY start.sh /start.sh
USER 1800:1800
ENTRYPOINT ["sh", "/start.sh"]
`, map[string]string{"start.sh": `
trap 'exit 0' TERM
cp -u /defaults/app.conf /config/app.conf && date >/config/started || exit 1
echo ready
while :; do sleep 0.1; done
`})
	check := `grep -q schema=2 /config/app.conf && test "$(stat -c %Y /config/local.conf)" = 1609459200`
	got := podseal(t, "run", ref, "--ready-log", "ready", "--ready-timeout", "20s", "--exec", check)
	got.mustExit(t, exitSealed)
	pod := decodePod(t, got.stdout)
	if mounts := writable(pod.Spec.Containers[0]); !slices.Equal(mounts, []string{"/config"}) || len(pod.Spec.InitContainers) != 1 {
		t.Errorf("writable %v, %d init containers", mounts, len(pod.Spec.InitContainers))
	}
}
