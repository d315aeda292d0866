package emit

import (
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/manifest"
)

// An object with a generateName has no name yet: no patch invents one, and a kustomize patch, which needs one, is refused.
func TestNoNameIsInvented(t *testing.T) {
	const source = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  generateName: sample-\n  namespace: jobs\nspec:\n  template:\n    spec:\n" +
		"      restartPolicy: Never\n      containers:\n      - {name: c, image: i}\n"
	f, err := manifest.Parse("job.yaml", []byte(source), "")
	if err != nil {
		t.Fatal(err)
	}
	edits, err := allEdits(f)
	if err != nil {
		t.Fatal(err)
	}
	merge, _, err := StrategicMerge(f, edits)
	if err != nil {
		t.Fatal(err)
	}
	const head = "# For the objects that were made of Job with generateName sample- in namespace jobs: kubectl patch takes their names.\n" +
		"apiVersion: batch/v1\nkind: Job\nmetadata:\n  namespace: jobs\nspec:\n"
	if !strings.HasPrefix(string(merge), head) || strings.Count(string(merge), "sample-") != 1 {
		t.Errorf("the strategic merge patch is\n%s", merge)
	}
	patch, _, err := JSONPatch(f, edits)
	if err != nil || strings.Contains(string(patch), "sample-") {
		t.Errorf("the JSON patch is\n%s (%v)", patch, err)
	}
	_, _, err = Kustomize([]*manifest.File{f}, edits)
	if want := "job.yaml:9: a Job without a name cannot be the target of a kustomize patch: add metadata.name, or use --format yaml"; err == nil || err.Error() != want {
		t.Errorf("Kustomize: %v", err)
	}
}
