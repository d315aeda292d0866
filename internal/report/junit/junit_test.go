package junit

import (
	"bytes"
	"encoding/xml"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/report"
)

func document() report.Document {
	r := report.Report{Verdict: "sealed", Why: "passed", Seconds: 12.5, Image: report.Image{Reference: "web:1", Digest: "web@sha256:0"}, Target: report.Target{Name: "web"}}
	r.Profile = &report.Profile{UID: 101, UserName: "web", Mounts: []report.Mount{{Path: "/run", Kind: "plain"}}}
	r.Losses = []report.Loss{{Kind: "port", What: "9000", Detail: "nothing listened on it"}}
	bad := report.Report{Verdict: "not testable", ExitCode: 3, Why: "it said <a href=\"x\">&amp; ]]> \x1b[31m\x00\u202e\n\tnext", Target: report.Target{Object: "Deployment api", Container: "app", File: "deploy/api.yaml", Line: 7}}
	given := report.Report{Verdict: "not sealable", ExitCode: 4, Why: "root", Image: report.Image{Reference: "old:1"}}
	given.Exceptions = []report.Exception{{Setting: "runAsNonRoot", Why: "it failed", Fix: "change it"}, {Setting: "restart", Why: "it did not come back", Fix: "wait"}}
	return report.NewDocument("1.2.3", report.NewSeveral([]report.Report{r, bad, given}))
}

func TestRun(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, document()); err != nil {
		t.Fatal(err)
	}
	golden.File(t, "testdata/run.xml", b.Bytes())
}

func TestCheck(t *testing.T) {
	d := report.NewCheckDocument("1.2.3", []report.CheckedTarget{{Name: "web", Image: "web:1", Seal: "web.seal.yaml"}, {Name: "api", Seal: "api.seal.yaml"}}, []finding.Finding{
		{Rule: finding.Digest, Level: finding.Error, Target: "api", Message: "the image changed", File: "deploy.yaml", Line: 9},
		{Rule: finding.Manifest, Level: finding.Error, Target: "api", Subject: "runAsUser", Message: "runAsUser is 0", File: "deploy.yaml"},
	}, nil)
	var b bytes.Buffer
	if err := Write(&b, d); err != nil {
		t.Fatal(err)
	}
	golden.File(t, "testdata/check.xml", b.Bytes())
	if d.Check.ExitCode != 5 {
		t.Errorf("exit code %d", d.Check.ExitCode)
	}
}

// TestRoundTrip decodes a report again: the counts fit, and each text is one that XML can hold.
func TestRoundTrip(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, document()); err != nil {
		t.Fatal(err)
	}
	var back Suites
	if err := xml.Unmarshal(b.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	s := back.Suites[0]
	failures := 0
	for _, c := range s.Cases {
		failures += len(c.Failures)
		if len(c.Failures) > 1 {
			t.Errorf("%s has %d failures", c.Name, len(c.Failures))
		}
	}
	if s.Tests != len(s.Cases) || s.Failures != failures || back.Failures != failures || failures != 2 {
		t.Errorf("counts: %+v", back)
	}
	if strings.ContainsRune(b.String(), '\uFFFD') {
		t.Error("a character was lost")
	}
}
