//go:build engine

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// example is an application of examples/ and the true answer for it, found by hand.
type example struct {
	name     string
	port     int
	flags    []string
	ready    string   // of the replay, on the host
	writable []string // nothing more and nothing less
	user     string   // uid:gid
	lowPort  bool     // it listens below 1024
}

// examples returns the table. Every example that has a Dockerfile must be in it.
func examples() []example {
	const psql = `PGPASSWORD=secret psql -h $PODSEAL_HOST -p $PODSEAL_PORT -U postgres -d app -c "select 1"`
	return []example{
		{
			name: "nginx", port: 80, ready: "curl -fs http://$PODSEAL_HOST:$PODSEAL_PORT/",
			writable: []string{"/run", "/var/cache/nginx"}, user: "101:101", lowPort: true,
		},
		{
			name: "postgres", port: 5432, ready: psql,
			flags:    []string{"-e", "POSTGRES_PASSWORD=secret", "--ready", psql, "--ready-timeout", "90s"},
			writable: []string{"/run/postgresql", "/var/lib/postgresql/data"}, user: "999:999",
		},
		{
			name: "redis", port: 6379, ready: `docker exec $PODSEAL_CONTAINER redis-cli ping | grep -q PONG`,
			writable: []string{"/data"}, user: "999:999",
		},
		{
			name: "scratch", port: 8080, ready: "curl -fs http://$PODSEAL_HOST:$PODSEAL_PORT/healthz",
			flags:    []string{"--ready-http", "/healthz"},
			writable: []string{"/data", "/tmp"}, user: "10001:10001",
		},
		{
			name: "memcached", port: 11211, user: "11211:11211",
			ready: `exec 3<>/dev/tcp/$PODSEAL_HOST/$PODSEAL_PORT; printf 'version\r\nquit\r\n' >&3; timeout 2 cat <&3 | grep -q VERSION`,
		},
	}
}

// TestExamples seals each example, compares the manifest with the true answer, and proves it a second time.
func TestExamples(t *testing.T) {
	for _, ex := range examples() {
		t.Run(ex.name, func(t *testing.T) { sealExample(t, ex) })
	}
}

func sealExample(t *testing.T, ex example) {
	script := "examples/" + ex.name + "/e2e.sh"
	report := filepath.Join(t.TempDir(), "report.json")
	args := append([]string{"run", "podseal-example/" + ex.name + ":latest", "--report", "json=" + report}, ex.flags...)
	got := podseal(t, append(args, "--", "bash", script)...)
	got.mustExit(t, exitSealed)
	if data, err := os.ReadFile(report); err != nil || !json.Valid(data) {
		t.Errorf("the JSON report: %v\n%s", err, data)
	}
	pod := decodePod(t, got.stdout)
	mustBeRestricted(t, pod)
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		mustBeSealed(t, c)
	}
	if diff := cmp.Diff(ex.writable, writable(pod.Spec.Containers[0])); diff != "" {
		t.Errorf("writable paths (- want, + got):\n%s\n%s", diff, got.stderr)
	}
	r := startReplay(t, pod.Spec, ex.port)
	if user := r.user(pod.Spec.Containers[0]); user != ex.user {
		t.Errorf("runs as %s, want %s\n%s", user, ex.user, got.stderr)
	}
	if low := r.sysctls()["net.ipv4.ip_unprivileged_port_start"] == "0"; low != ex.lowPort {
		t.Errorf("low ports are open: %v, want %v", low, ex.lowPort)
	}
	r.mustPass(ex.ready, script)
	r.restart()
	r.mustPass(ex.ready, script)
}

// TestEveryExampleIsTested keeps the table complete, and each README's command the one that the test runs.
func TestEveryExampleIsTested(t *testing.T) {
	var want, got []string
	dockerfiles, err := filepath.Glob("../examples/*/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range dockerfiles {
		want = append(want, filepath.Base(filepath.Dir(file)))
	}
	for _, ex := range examples() {
		got = append(got, ex.name)
		readme, err := os.ReadFile("../examples/" + ex.name + "/README.md")
		if err != nil {
			t.Error(err)
			continue
		}
		line := "    podseal run podseal-example/" + ex.name + ":latest"
		for _, flag := range ex.flags {
			if strings.ContainsAny(flag, " $") {
				flag = "'" + flag + "'"
			}
			line += " " + flag
		}
		if line += " -- bash examples/" + ex.name + "/e2e.sh\n"; !strings.Contains(string(readme), line) {
			t.Errorf("examples/%s/README.md does not show the tested command:\n%s", ex.name, line)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("examples with a Dockerfile (-) and in the table (+):\n%s", diff)
	}
}
