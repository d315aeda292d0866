package annotations

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	generator "github.com/invopop/jsonschema"

	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/golden/schematest"
)

var findings = []finding.Finding{
	{Rule: finding.Loss, Level: finding.Warning, Target: "web", Subject: "port 80", Message: "nothing listened, on port 80: 100%", File: "deploy/a,b:c.yaml", Line: 3},
	{Rule: finding.Exception, Level: finding.Error, Target: "web", Subject: "runAsNonRoot", Message: "first\r\n::error::second\n##[command]x", File: "deploy/web.yaml", Line: 12, Column: 9},
	{Rule: finding.NotTestable, Level: finding.Error, Target: "a,b::c\u202e", Message: "no file"},
	{Rule: finding.NewWrite, Level: finding.Note, Target: "db", Subject: "/tmp", Message: "écrit /tmp", File: "x.yaml"},
}

func TestGitHub(t *testing.T) {
	var b bytes.Buffer
	if err := GitHub(&b, findings); err != nil {
		t.Fatal(err)
	}
	golden.File(t, "testdata/github.txt", b.Bytes())
	for line := range strings.Lines(b.String()) {
		if !strings.HasPrefix(line, "::error ") && !strings.HasPrefix(line, "::warning ") && !strings.HasPrefix(line, "::notice ") {
			t.Errorf("a line that is no annotation: %q", line)
		}
	}
}

// TestGitHubLimit makes sure that a reader learns of annotations that GitHub does not show.
func TestGitHubLimit(t *testing.T) {
	var many []finding.Finding
	for i := range 25 {
		many = append(many, finding.Finding{Rule: finding.Loss, Level: finding.Warning, Target: fmt.Sprint("t", i), Message: "x"})
	}
	many = append(many, findings[1])
	var b bytes.Buffer
	if err := GitHub(&b, many); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "::warning "); n != maxAnnotations {
		t.Errorf("%d warnings, want %d", n, maxAnnotations)
	}
	for _, want := range []string{"::16 more findings", "t24: x", "::error file=deploy/web.yaml"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if !strings.HasPrefix(b.String(), "::error") {
		t.Error("the error is not first")
	}
}

func TestGitLab(t *testing.T) {
	var b bytes.Buffer
	if err := GitLab(&b, findings, "podseal.yaml"); err != nil {
		t.Fatal(err)
	}
	golden.File(t, "testdata/gitlab.json", b.Bytes())
	b.Reset()
	if err := GitLab(&b, nil, "podseal.yaml"); err != nil || b.String() != "[]\n" {
		t.Errorf("no findings: %v, %q", err, b.String())
	}
}

// TestGitLabFields validates a report against a schema with the fields that GitLab requires: all of them, and no other.
func TestGitLabFields(t *testing.T) {
	r := generator.Reflector{Anonymous: true}
	data, err := json.Marshal(r.Reflect([]Issue{}))
	if err != nil {
		t.Fatal(err)
	}
	schema := schematest.Compile(t, data)
	var b bytes.Buffer
	if err := GitLab(&b, findings, "podseal.yaml"); err != nil {
		t.Fatal(err)
	}
	for old, now := range map[string]string{"": "", `"major"`: `"grave"`, `"fingerprint"`: `"print"`, `"begin": 12`: `"begin": "x"`} {
		doc := schematest.JSON(t, bytes.Replace(b.Bytes(), []byte(old), []byte(now), 1))
		if err := schema.Validate(doc); (err == nil) != (old == "") {
			t.Errorf("with %s: %v", now, err)
		}
	}
	var list []Issue
	if err := json.Unmarshal(b.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	prints := map[string]bool{}
	for _, i := range list {
		if prints[i.Fingerprint] || i.Location.Path == "" || i.Location.Lines.Begin < 1 {
			t.Errorf("%+v", i)
		}
		prints[i.Fingerprint] = true
	}
}
