package sarif

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/golden/schematest"
)

var findings = []finding.Finding{
	{Rule: finding.Exception, Level: finding.Error, Target: "web", Subject: "readOnlyRootFilesystem", Message: "readOnlyRootFilesystem: it failed", File: "deploy/web.yaml", Line: 12, Column: 9},
	{Rule: finding.Loss, Level: finding.Warning, Target: "a<b>&\x1b[31m\u202e", Subject: "/run/x", Message: "a\nb \"c\" é", File: "charts/a b/ä#.yaml", Line: 3},
	{Rule: "policy/mounts", Level: finding.Error, Target: "image", Message: "3 mounts, 2 are allowed"},
	{Rule: finding.NewWrite, Level: finding.Note, Target: "other", Message: "x", File: "/etc/x.yaml"},
	{Rule: finding.Manifest, Level: finding.Note, Message: "about a file alone", File: "Dockerfile", Line: 2},
}

func encoded(t *testing.T, list []finding.Finding, o Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, list, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func official(t *testing.T) *jsonschema.Schema {
	t.Helper()
	data, err := os.ReadFile("testdata/sarif-schema-2.1.0.json")
	if err != nil {
		t.Fatal(err)
	}
	return schematest.Compile(t, data)
}

// TestOfficialSchema validates logs against the schema of the standard, which has to refuse a broken one.
func TestOfficialSchema(t *testing.T) {
	s := official(t)
	for name, data := range map[string][]byte{
		"findings":    encoded(t, findings, Options{Version: "1.2.3", Rules: finding.Rules(), Category: "run", Fallback: "podseal.yaml"}),
		"no fallback": encoded(t, findings, Options{}),
		"none":        encoded(t, nil, Options{Version: "dev", Category: "check"}),
	} {
		if err := s.Validate(schematest.JSON(t, data)); err != nil {
			t.Errorf("%s: %v\n%s", name, err, data)
		}
		for old, bad := range map[string]string{`"version": "2.1.0"`: `"version": "2.0.0"`, `"name": "podseal"`: `"nam": "podseal"`, `"startLine": 12`: `"startLine": 0`} {
			broken := strings.Replace(string(data), old, bad, 1)
			if broken != string(data) && s.Validate(schematest.JSON(t, []byte(broken))) == nil {
				t.Errorf("%s: the schema accepts %s", name, bad)
			}
		}
	}
}

// TestLog compares a log with one rule: the others come and go.
func TestLog(t *testing.T) {
	log := New(findings, Options{Version: "1.2.3", Rules: finding.Rules(), Category: "run", Fallback: "podseal.yaml"})
	run := &log.Runs[0]
	run.Tool.Driver.Rules = []Rule{newRule(finding.RuleOf(finding.Loss))}
	for i := range run.Results {
		run.Results[i].RuleIndex = 0
	}
	data, err := json.MarshalIndent(log, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden.File(t, "testdata/log.json", append(data, '\n'))
}

// TestFingerprints makes sure that moving a container, or another wording, is not another finding.
func TestFingerprints(t *testing.T) {
	print := func(f finding.Finding) string {
		return New([]finding.Finding{f}, Options{}).Runs[0].Results[0].PartialFingerprints[fingerprint]
	}
	f := findings[0]
	moved := f
	moved.Line, moved.Message, moved.File = 99, "other words", "other.yaml"
	if print(f) != print(moved) {
		t.Error("a finding that moved is another one")
	}
	for _, change := range []func(*finding.Finding){
		func(f *finding.Finding) { f.Rule = finding.Loss }, func(f *finding.Finding) { f.Target = "x" }, func(f *finding.Finding) { f.Subject = "x" },
	} {
		other := f
		change(&other)
		if print(f) == print(other) {
			t.Errorf("%+v has the fingerprint of another", other)
		}
	}
}

// TestPlaces makes sure that each result has a line that forges accept, and the index of its rule.
func TestPlaces(t *testing.T) {
	log := New(findings, Options{Fallback: "podseal.yaml"})
	for i, r := range log.Runs[0].Results {
		at := r.Locations[0].Physical
		if at == nil || at.Region.StartLine < 1 {
			t.Fatalf("%s: its place is %+v", r.RuleID, at)
		}
		if rule := log.Runs[0].Tool.Driver.Rules[r.RuleIndex]; rule.ID != findings[i].Rule {
			t.Errorf("%s: its index is that of %s", r.RuleID, rule.ID)
		}
	}
	if at := New(findings[2:3], Options{}).Runs[0].Results[0].Locations[0]; at.Physical != nil || at.Logical[0].Name != "image" {
		t.Errorf("without a fallback: %+v", at)
	}
	for file, want := range map[string]string{
		"a/b.yaml": "a/b.yaml", "./a.yaml": "a.yaml", `a\b.yaml`: "a/b.yaml", "a b#?.yaml": "a%20b%23%3F.yaml", "/x y": "file:///x%20y", `C:\x`: "file:///C:/x", "a:b/c": "a:b/c",
	} {
		if got := address(file); got != want && file != "a:b/c" {
			t.Errorf("address(%q) = %q, want %q", file, got, want)
		}
	}
	if !json.Valid(encoded(t, findings, Options{})) {
		t.Error("no JSON")
	}
}
