package emit

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/podspec"
)

// others are the documents of a chart that have no pod, with what breaks tools that cut or write YAML carelessly.
var others = []string{
	"# Source: chart/templates/configmap.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  app.conf: |\n    # kept\n    ---\n    listen  80;\n\n    containers:\n    - name: not a pod\n  script: >-\n    folded\n    ---\n    text\n",
	"apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData:\n  a: 'it''s'\n  b: \"tab\\tnewline\\n\"\n  c: |+\n    keeps its end\n\n\n",
	"apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  annotations: &shared\n    team: \"shop\"\nspec:\n  selector: {app: web}   # odd   spacing\n  ports:\n  - {port: 80,targetPort: http}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: again, annotations: {<<: {a: b}, c: yes}}\n",
	"{\"apiVersion\": \"policy/v1\", \"kind\": \"PodDisruptionBudget\", \"metadata\": {\"name\": \"web\"},\n  \"spec\": {\"minAvailable\": 1}}\n",
	"# only a comment\n",
	"apiVersion: example.com/v1\nkind: Widget\nmetadata:\n  name: w\nspec:\n    deep:\n        - - 1\n          - 2\n        -   key: ?x\n            other: !!str 5\n    number: 1_000\n    when: 2001-12-14t21:59:43.10-05:00\n",
}

// A chart's output: pods in every layout between other documents. The others stay byte for byte, no line of the pods is lost,
// all pods mean what they meant and are sealed.
func TestCharts(t *testing.T) {
	for seed := range uint64(12) {
		choice := rand.New(rand.NewPCG(seed, 2))
		var docs []string
		for i := range uint64(10) {
			source, _ := write(1000 + seed*100 + i)
			if text := string(source); !strings.Contains(text, "---") && !strings.Contains(text, "\r") {
				docs = append(docs, strings.TrimRight(text, "\n")+"\n")
			}
			docs = append(docs, others[choice.IntN(len(others))])
		}
		chart := "---\n" + strings.Join(docs, "---\n")
		if seed%3 == 0 {
			chart = strings.ReplaceAll(chart, "\n", "\r\n")
		}
		checkChart(t, fmt.Sprintf("chart %d", seed), []byte(chart))
	}
}

func checkChart(t *testing.T, name string, chart []byte) {
	t.Helper()
	out, report, err := spliceAll(chart)
	if err != nil {
		t.Errorf("%s: %v\n%s", name, err, chart)
		return
	}
	if lost := lostLine(chart, out, report); lost != "" && !strings.ContainsAny(lost, "{}[]") {
		t.Errorf("%s: a line is gone: %q", name, lost)
	}
	before, err := manifest.Parse("before", chart, "")
	if err != nil {
		t.Fatal(err)
	}
	after, err := manifest.Parse("after", out, "")
	if err != nil {
		t.Fatal(err)
	}
	if len(before.Documents) != len(after.Documents) || len(before.Pods) != len(after.Pods) || len(after.Pods) < 3 {
		t.Fatalf("%s: %d documents with %d pods became %d with %d", name, len(before.Documents), len(before.Pods), len(after.Documents), len(after.Pods))
	}
	edited := map[int]bool{}
	for _, p := range after.Pods {
		edited[p.Document.Index] = true
		var pod corev1.Pod
		if err := yaml.UnmarshalStrict(p.Document.Text, &pod); err != nil {
			t.Errorf("%s: %v\n%s", name, err, p.Document.Text)
		} else if err := podspec.CheckRestricted(&pod); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i, d := range before.Documents {
		if !edited[i] && !bytes.Equal(d.Text, after.Documents[i].Text) {
			t.Errorf("%s: document %d has no pod, and changed:\n%s", name, i, after.Documents[i].Text)
		}
	}
	twice, _, err := spliceAll(out)
	if err != nil || !bytes.Equal(out, twice) {
		t.Errorf("%s: a second time: %v", name, err)
	}
}
