package htmlpage

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"

	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/report"
)

// realRun returns the document of a real run: a web server, a database, an application that is sealed with exceptions, and one
// whose e2e commands fail.
func realRun(t *testing.T) report.Document {
	t.Helper()
	data, err := os.ReadFile("testdata/run.json")
	if err != nil {
		t.Fatal(err)
	}
	var all report.Several
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	return report.NewDocument("1.2.3", all)
}

func rendered(t *testing.T, d report.Document) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, d); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// parsed returns all elements of a page, and its texts joined.
func parsed(t *testing.T, page string) (elements []*html.Node, text string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := range root.Descendants() {
		switch {
		case n.Type == html.ElementNode:
			elements = append(elements, n)
		case n.Type == html.TextNode && n.Parent.Data != "script" && n.Parent.Data != "style":
			b.WriteString(n.Data + "\n")
		}
	}
	return elements, b.String()
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// TestShowsTheRun searches the texts of the page for what a reader needs.
func TestShowsTheRun(t *testing.T) {
	d := realRun(t)
	_, text := parsed(t, rendered(t, d))
	for _, r := range d.Reports.Reports {
		want := []string{r.Name(), r.Verdict, r.Why}
		for _, e := range r.Exceptions {
			want = append(want, e.Setting, e.Fix)
		}
		for _, l := range r.Losses {
			want = append(want, l.Sentence())
		}
		for _, o := range r.Rounds {
			want = append(want, o.Name)
			for _, c := range o.Commands {
				want = append(want, c.Command)
			}
		}
		if r.Profile != nil {
			want = append(want, r.NotExercised...)
			for _, m := range r.Profile.Mounts {
				want = append(want, m.Path)
			}
			for _, p := range r.Proofs {
				if strings.HasPrefix(p.Relaxation, "mount ") {
					want = append(want, p.Text)
				}
			}
		}
		for _, s := range want {
			if !strings.Contains(text, s) {
				t.Errorf("%s: the page does not show %q", r.Name(), s)
			}
		}
	}
}

// TestNeedsNothingElse makes sure that the page loads nothing, that its policy allows exactly its own style and script, and
// that no element has inline style or handlers, which the policy forbids.
func TestNeedsNothingElse(t *testing.T) {
	page := rendered(t, realRun(t))
	elements, _ := parsed(t, page)
	policy := ""
	ids := map[string]bool{}
	for _, n := range elements {
		if id := attribute(n, "id"); id != "" {
			if ids[id] {
				t.Errorf("two elements have the id %s", id)
			}
			ids[id] = true
		}
		if n.Data == "meta" && attribute(n, "http-equiv") == "Content-Security-Policy" {
			policy = attribute(n, "content")
		}
		if slices.Contains([]string{"link", "img", "iframe", "object", "embed", "base", "form", "video", "audio", "source", "image", "use"}, n.Data) {
			t.Errorf("the page has an element %s", n.Data)
		}
		for _, a := range n.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "href" && !strings.HasPrefix(a.Val, "#") {
				t.Errorf("%s has %s=%q", n.Data, a.Key, a.Val)
			}
		}
		if n.Data == "style" || n.Data == "script" {
			if want := hash([]byte(n.FirstChild.Data)); !strings.Contains(policy, want) {
				t.Errorf("the policy %s does not allow the %s %s", policy, n.Data, want)
			}
		}
	}
	for _, n := range elements {
		for _, key := range []string{"aria-labelledby", "href", "for"} {
			if ref := strings.TrimPrefix(attribute(n, key), "#"); ref != "" && !ids[ref] {
				t.Errorf("%s refers to %s, which does not exist", n.Data, ref)
			}
		}
	}
	if !strings.HasPrefix(policy, "default-src 'none'; ") {
		t.Errorf("the policy is %q", policy)
	}
	if m := regexp.MustCompile(`(?i)url\(|@import|https?://`).FindString(page); m != "" {
		t.Errorf("the page has %s", m)
	}
}

const hostile = "</script></style></title><script>alert(1)</script><img src=x onerror=alert(1)>\"'`><b id=evil>{{.}}\x1b]0;x\x07\u202e\x00"

// TestHostileTexts puts markup into every text of a report.
func TestHostileTexts(t *testing.T) {
	w := report.Evidence{Path: "/srv/" + hostile, Change: "A", Outcome: "denied", Calls: []string{hostile}, Line: hostile, Writers: []report.Writer{{Process: hostile}}}
	r := report.Report{
		Verdict: "sealed with exceptions", Why: hostile, Image: report.Image{Reference: hostile, Digest: hostile}, ProvedBy: hostile,
		Target:     report.Target{Object: hostile, Container: hostile, File: hostile, Line: 3},
		Profile:    &report.Profile{UserName: hostile, UID: 1, Mounts: []report.Mount{{Path: "/srv/" + hostile, Kind: hostile}}},
		Exceptions: []report.Exception{{Setting: hostile, Why: hostile, Fix: hostile}}, Losses: []report.Loss{{Kind: hostile, What: hostile, Detail: hostile}},
		Choices:   []report.Choice{{Path: "/" + hostile, Decision: hostile, Reason: hostile, Proof: hostile, Evidence: []report.Evidence{w}}},
		Swallowed: []report.Evidence{w}, NotExercised: []string{hostile}, Reasons: []report.Reason{{Field: hostile, Why: hostile}},
		Trace: report.Trace{Note: hostile, Unseen: []string{hostile}}, Advice: &report.Advice{Model: hostile, Why: hostile, Ways: []report.Way{{Says: hostile, Snippet: hostile}}},
		Rounds: []report.Round{{
			Name: hostile, Result: hostile, Failure: hostile, Rule: hostile, Blames: []report.Blame{{Setting: hostile, Evidence: hostile}}, Logs: []string{hostile}, DecidingLine: hostile,
			Commands: []report.CommandResult{{Command: hostile, Output: []string{hostile}}}, Exit: &report.Exit{Error: hostile},
		}},
		Written: &report.Written{Changes: []report.ManifestChange{{Action: "added", File: hostile, Field: hostile}}, Notes: []string{hostile}, Alongside: []report.Companion{{File: hostile}}},
	}
	run := report.NewDocument(hostile, report.NewSeveral([]report.Report{r, r}))
	check := report.NewCheckDocument(hostile, []report.CheckedTarget{{Name: hostile}}, []finding.Finding{{Rule: hostile, Target: hostile, Message: hostile, File: hostile, Level: finding.Error}}, []report.Report{r})
	for _, d := range []report.Document{run, check} {
		page := rendered(t, d)
		elements, text := parsed(t, page)
		scripts := 0
		for _, n := range elements {
			if n.Data == "script" {
				scripts++
			}
			if n.Data == "img" || attribute(n, "id") == "evil" {
				t.Errorf("a text became an element %s", n.Data)
			}
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") {
					t.Errorf("a text became an attribute %s", a.Key)
				}
			}
		}
		if scripts != 1 {
			t.Errorf("%d scripts", scripts)
		}
		if i := strings.IndexFunc(page, func(c rune) bool { return c != '\n' && !unicode.IsPrint(c) && c != '\u00a0' }); i >= 0 {
			t.Errorf("not printable: %q", page[i:min(len(page), i+20)])
		}
		if !strings.Contains(text, "<img src=x onerror=alert(1)>") || strings.Contains(page, "ZgotmplZ") {
			t.Error("the text itself is not shown")
		}
	}
}

// TestEmpty renders documents with next to nothing in them.
func TestEmpty(t *testing.T) {
	for _, d := range []report.Document{
		{},
		report.NewDocument("dev", report.NewSeveral([]report.Report{{}})),
		report.NewDocument("dev", report.NewSeveral([]report.Report{{Rounds: []report.Round{{}}, Profile: &report.Profile{}}})),
		report.NewCheckDocument("dev", []report.CheckedTarget{{Name: "web"}}, nil, nil),
	} {
		if page := rendered(t, d); !strings.HasSuffix(strings.TrimSpace(page), "</html>") {
			t.Errorf("the page ends %q", page[max(0, len(page)-40):])
		}
	}
}
