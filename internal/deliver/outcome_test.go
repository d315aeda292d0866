package deliver

import (
	"slices"
	"testing"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/redact"
	"github.com/podseal/podseal/internal/target"
)

// TestConcealed hides values in the results that podseal writes itself. A variable that the manifest takes from a Secret is not
// reported: the manifest holds no value.
func TestConcealed(t *testing.T) {
	f, err := manifest.Parse("web.yaml", []byte(`apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - name: web
    image: web:1
    env:
    - {name: LITERAL, value: hunter2}
    - {name: KEY, valueFrom: {secretKeyRef: {name: s, key: k}}}
    envFrom: [{secretRef: {name: all}}]
`), "")
	if err != nil {
		t.Fatal(err)
	}
	env := []target.EnvVar{{Name: "LITERAL", Value: "hunter2"}, {Name: "KEY", Value: "hunter2"}, {Name: "ALL", Value: "hunter2"}, {Name: "PLAIN", Value: "x"}}
	r := &redact.Redactor{}
	r.Hide("hunter2")
	for name, c := range map[string]struct {
		in   Container
		want []string
	}{
		"manifest": {Container{Pod: f.Pods[0], Name: "web", Outcome: Outcome{Target: target.Target{Env: env}}}, []string{"LITERAL"}},
		"image":    {Container{Outcome: Outcome{Target: target.Target{Env: env}}}, []string{"LITERAL", "KEY", "ALL"}},
	} {
		out, changed := Concealed([]Input{{Containers: []Container{c.in}}}, r)
		if !slices.Equal(changed, c.want) {
			t.Errorf("%s: reported %q, want %q", name, changed, c.want)
		}
		for i, e := range out[0].Containers[0].Outcome.Target.Env {
			if (e.Value == env[i].Value) != (e.Name == "PLAIN") {
				t.Errorf("%s: %s is %s", name, e.Name, e.Value)
			}
		}
	}
}
