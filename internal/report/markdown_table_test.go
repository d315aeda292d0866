package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/seal"
)

func checkDocument() Document {
	return NewCheckDocument("1.2.3", []CheckedTarget{
		{Name: "web", Image: "web:1", Seal: "web.seal.yaml", File: "deploy.yaml", Line: 4}, {Name: "a|b<c>@all", Seal: "x.seal.yaml"}, {Name: "old"},
	}, []finding.Finding{
		{Rule: finding.Manifest, Level: finding.Error, Target: "a|b<c>@all", Subject: "runAsUser", Message: "runAsUser is 0, 101 was proved | *now*", File: "deploy.yaml", Line: 12},
		{Rule: finding.NewWrite, Level: finding.Error, Target: "a|b<c>@all", Subject: "/x", Message: "wrote /x"},
		{Rule: finding.Digest, Level: finding.Warning, Target: "old", Message: "the tag moved"},
	}, nil)
}

// TestMarkdownOfSeveral has a table before the folded reports.
func TestMarkdownOfSeveral(t *testing.T) {
	var list []Report
	for _, res := range []seal.Result{sealed(), untraced(), withExceptions(), notTestable(), notSealable()} {
		list = append(list, New(res))
	}
	accepted := Policy{Allow: []string{"readOnlyRootFilesystem"}}.Judge(withExceptions())
	accepted.Target.Name = "accepted|<b>"
	var b bytes.Buffer
	all := NewSeveral(append(list, accepted))
	all.Errors = []TargetError{{Target: "gone", Message: "no image gone: | pull it"}}
	if err := NewDocument("1.2.3", all).Markdown(&b); err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(b.String(), "\n<details")
	golden.File(t, "testdata/several.md", []byte(head))
	if open := strings.Count(b.String(), "<details open>"); open != 3 {
		t.Errorf("%d of 3 failed targets are unfolded", open)
	}
	if a, z := strings.Count(b.String(), "<details"), strings.Count(b.String(), "</details>"); a != z {
		t.Errorf("%d details begin and %d end", a, z)
	}
}

func TestMarkdownOfACheck(t *testing.T) {
	var b bytes.Buffer
	if err := checkDocument().Markdown(&b); err != nil {
		t.Fatal(err)
	}
	golden.File(t, "testdata/check.md", b.Bytes())
}
