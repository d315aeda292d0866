//go:build engine

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"
)

// TestSealInManifest seals a container of a Deployment: every line of the author's is kept, in its order, and the new pod
// template is proved a second time.
func TestSealInManifest(t *testing.T) {
	const file = "examples/nginx/deployment.yaml"
	const script = "examples/nginx/e2e.sh"
	got := podseal(t, "run", "-f", file, "--quiet", "--", "bash", script)
	got.mustExit(t, exitSealed)
	before, err := os.ReadFile(filepath.Join(shared.root, file))
	if err != nil {
		t.Fatal(err)
	}
	after := strings.Split(got.stdout, "\n")
	for line := range strings.SplitSeq(string(before), "\n") {
		i := slices.Index(after, line)
		if i < 0 {
			t.Fatalf("the author's line %q is gone, or not in its place:\n%s", line, got.stdout)
		}
		after = after[i+1:]
	}
	_, document, _ := strings.Cut(got.stdout, "\n---\n")
	var deployment appsv1.Deployment
	if err := yaml.UnmarshalStrict([]byte(document), &deployment); err != nil {
		t.Fatalf("%v\n%s", err, got.stdout)
	}
	spec := deployment.Spec.Template.Spec
	mustBeSealed(t, spec.Containers[0])
	startReplay(t, spec, 80).mustPass("curl -fs http://$PODSEAL_HOST:$PODSEAL_PORT/", script)
}
