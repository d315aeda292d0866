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
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"
)

// TestSealPod seals all containers of a pod: an init container, two that share its network, a persistent volume that only
// its group may open. A second run over the result finds the same and changes nothing.
func TestSealPod(t *testing.T) {
	const script = "examples/pod/e2e.sh"
	report := filepath.Join(t.TempDir(), "report.json")
	got := podseal(t, "run", "-f", "examples/pod/deployment.yaml", "--report", "json="+report, "--", "bash", script)
	got.mustExit(t, exitSealed)
	documents := strings.Split(got.stdout, "\n---\n")
	document := documents[len(documents)-1]
	var deployment appsv1.Deployment
	if err := yaml.UnmarshalStrict([]byte(document), &deployment); err != nil {
		t.Fatalf("%v\n%s", err, got.stdout)
	}
	spec := deployment.Spec.Template.Spec
	type answer struct {
		user     int64
		writable []string
	}
	want := map[string]answer{
		"page": {65532, []string{"/page", "/tmp"}}, "web": {101, []string{"/run", "/var/cache/nginx"}}, "store": {999, []string{"/data"}},
	}
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		mustBeSealed(t, c)
		w := want[c.Name]
		if c.SecurityContext.RunAsUser == nil || *c.SecurityContext.RunAsUser != w.user {
			t.Errorf("%s runs as %v, want %d", c.Name, c.SecurityContext.RunAsUser, w.user)
		}
		var mounts []string
		for _, m := range c.VolumeMounts {
			if !m.ReadOnly && m.Name != "conf" {
				mounts = append(mounts, m.MountPath)
			}
		}
		slices.Sort(mounts)
		if diff := cmp.Diff(w.writable, mounts); diff != "" {
			t.Errorf("writable paths of %s (- want, + got):\n%s\n%s", c.Name, diff, got.stderr)
		}
	}
	if s := spec.SecurityContext; s == nil || s.FSGroup == nil || *s.FSGroup != 999 {
		t.Errorf("the pod's security context is %+v, want fsGroup 999: the volume is root's", s)
	}
	var reports struct {
		Schema  string
		Reports []struct {
			Target struct{ Object, Container string }
		}
	}
	data, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &reports); err != nil || reports.Schema != "podseal.reports/v1" || len(reports.Reports) != 3 ||
		reports.Reports[1].Target.Container != "web" || reports.Reports[1].Target.Object != "Deployment shop" {
		t.Errorf("the JSON report: %v\n%s", err, data)
	}

	again := filepath.Join(t.TempDir(), "sealed.yaml")
	if err := os.WriteFile(again, []byte(got.stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	second := podseal(t, "run", "-f", again, "--minimize", "none", "--diff", "--", "bash", script)
	second.mustExit(t, exitSealed)
	if second.stdout != "" {
		t.Errorf("a second run changes:\n%s", second.stdout)
	}
}

// TestPodThatFails checks that a failing container of the pod is named, and that nothing is written.
func TestPodThatFails(t *testing.T) {
	dir := t.TempDir()
	data, err := os.ReadFile(filepath.Join(shared.root, "examples/pod/deployment.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	broken := strings.Replace(string(data), "sort -o /tmp/sorted /page/index.html", "exit 7", 1)
	file := filepath.Join(dir, "pod.yaml")
	if err := os.WriteFile(file, []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	got := podseal(t, "run", "-f", file, "-c", "web", "--in-place", "--", "true")
	got.mustExit(t, exitE2EFails)
	if !strings.Contains(strings.Join(strings.Fields(got.stderr), " "), "init container page exited 7") {
		t.Errorf("the init container that fails is not named:\n%s", got.stderr)
	}
	if now, err := os.ReadFile(file); err != nil || string(now) != broken {
		t.Errorf("the file was changed: %v", err)
	}
}
