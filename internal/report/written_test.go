package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/seal"
)

// TestWritten makes sure that replaced fields come first in each view, with their place, the old and the new value.
func TestWritten(t *testing.T) {
	r := New(seal.Result{Verdict: seal.Sealed})
	r.Written = &Written{
		Format: "yaml",
		Changes: []ManifestChange{
			{Action: "kept", File: "d.yaml", Line: 9, Object: "Deployment web", Field: "containers.web.volumeMounts /tmp", Old: "tmp", Why: "emptyDir tmp serves"},
			{Action: "added", File: "d.yaml", Line: 4, Object: "Deployment web", Field: "securityContext.runAsUser", New: "101"},
			{Action: "replaced", File: "d.yaml", Line: 7, Object: "Deployment web", Field: "containers[0].securityContext.privileged", Old: "true\x1b[2J", New: "false"},
		},
		Notes:     []string{"web: something is lost"},
		Alongside: []Companion{{"NetworkPolicy", "np.yaml", "the ports that were seen listening: 80"}},
	}
	var text, markdown, data bytes.Buffer
	if err := r.Text(&text, TextOptions{Width: 200, Verbose: true}); err != nil {
		t.Fatal(err)
	}
	const want = `
Written
  d.yaml:7: Deployment web: replaced containers[0].securityContext.privileged, true by false
  d.yaml:4: Deployment web: added securityContext.runAsUser 101
  d.yaml:9: Deployment web: kept containers.web.volumeMounts /tmp: emptyDir tmp serves
  np.yaml: NetworkPolicy, the ports that were seen listening: 80
  not in it: web: something is lost
`
	if !strings.Contains(text.String(), want) {
		t.Errorf("the text is\n%s", text.String())
	}
	if err := r.Markdown(&markdown); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"**Written**", "- `d.yaml:7` Deployment web: replaced", "- `np.yaml`: NetworkPolicy", "- not in it: web"} {
		if !strings.Contains(markdown.String(), part) {
			t.Errorf("the Markdown has no %q:\n%s", part, markdown.String())
		}
	}
	if err := r.JSON(&data); err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(data.Bytes(), &back); err != nil || len(back.Written.Changes) != 3 {
		t.Errorf("the JSON is %v, %s", err, data.String())
	}
}
