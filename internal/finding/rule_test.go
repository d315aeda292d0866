package finding

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestRulesAreDocumented makes sure that each rule has its section, and that the sections are those of rules.
func TestRulesAreDocumented(t *testing.T) {
	data, err := os.ReadFile("../../docs/findings.md")
	if err != nil {
		t.Fatal(err)
	}
	var headings, anchors []string
	for line := range strings.Lines(string(data)) {
		if h, ok := strings.CutPrefix(strings.TrimSpace(line), "## "); ok {
			headings = append(headings, strings.ReplaceAll(strings.Trim(h, "`"), "/", ""))
		}
	}
	for _, r := range Rules() {
		anchors = append(anchors, r.Anchor())
		if !slices.Contains(headings, r.Anchor()) {
			t.Errorf("docs/findings.md has no section %s", r.ID)
		}
		if r.Title == "" || !strings.HasSuffix(r.Help, ".") || strings.HasSuffix(r.Title, ".") {
			t.Errorf("%s: the title is a few words, the help full sentences: %+v", r.ID, r)
		}
	}
	for _, h := range headings {
		if !slices.Contains(anchors, h) && h != RuleOf("policy/x").Anchor() {
			t.Errorf("docs/findings.md has a section %s, which is no rule", h)
		}
	}
	if !slices.IsSortedFunc(Rules(), func(a, b Rule) int { return strings.Compare(a.ID, b.ID) }) {
		t.Error("the rules are not sorted by id")
	}
}

func TestRuleOf(t *testing.T) {
	for id, want := range map[string]string{
		Loss: "seal/loss", "policy/mounts": "policy/mounts", "other": "other",
	} {
		if got := RuleOf(id); got.ID != want || got.Title == "" || got.Help == "" {
			t.Errorf("%s: got %+v", id, got)
		}
	}
	if got := RuleOf("policy/mounts").Page(); !strings.HasSuffix(got, "/docs/findings.md#policy") {
		t.Errorf("the page of a policy is %s", got)
	}
}
