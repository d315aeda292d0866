package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/seal"
)

func TestFindings(t *testing.T) {
	for _, c := range []struct {
		name   string
		res    seal.Result
		policy Policy
		want   string // level rule subject; ...
	}{
		{"sealed with losses", sealed(), Policy{}, "warning seal/loss refused /etc/nginx/conf.d/default.conf; warning seal/loss log nginx: [error] no cache"},
		{"strict", sealed(), Policy{Strict: true}, "error seal/loss refused /etc/nginx/conf.d/default.conf; error seal/loss log nginx: [error] no cache"},
		{"without losses", untraced(), Policy{Strict: true}, ""},
		{"exceptions", withExceptions(), Policy{}, "error seal/exception readOnlyRootFilesystem"},
		{"accepted", withExceptions(), Policy{Allow: []string{"readOnlyRootFilesystem"}}, "warning seal/exception readOnlyRootFilesystem"},
		{"not sealable", notSealable(), Policy{}, "error seal/not-sealable "},
		{"not testable", notTestable(), Policy{}, "error seal/not-testable "},
		{"planned", planned(), Policy{}, ""},
	} {
		r := c.policy.Judge(c.res)
		var got []string
		for _, f := range r.Findings() {
			got = append(got, fmt.Sprintf("%s %s %s", f.Level, f.Rule, f.Subject))
			if f.Target != r.Image.Reference || f.File != "" || f.Line != 0 || f.Message == "" {
				t.Errorf("%s: %+v", c.name, f)
			}
		}
		if s := strings.Join(got, "; "); s != c.want {
			t.Errorf("%s: got %q, want %q", c.name, s, c.want)
		}
		failing := strings.Contains(c.want, "error ")
		if (r.ExitCode != 0) != failing {
			t.Errorf("%s: exit code %d, but the findings are %q", c.name, r.ExitCode, c.want)
		}
	}
}

func TestFindingsInAManifest(t *testing.T) {
	r := New(notTestable())
	r.Target.Object, r.Target.Container, r.Target.File, r.Target.Line = "Deployment web", "app", "deploy/web.yaml", 7
	f := r.Findings()[0]
	if want := (finding.Finding{Rule: finding.NotTestable, Level: finding.Error, Target: "Deployment web/app", Message: f.Message, File: "deploy/web.yaml", Line: 7}); f != want {
		t.Errorf("got %+v", f)
	}
	r.Target.Line = 0
	if f := r.Findings()[0]; f.File != "" {
		t.Errorf("a file without a line: %+v", f)
	}
	r.Target.Name = "shop"
	if r.Name() != "shop" {
		t.Errorf("the name is %s", r.Name())
	}
}

func TestRebased(t *testing.T) {
	r := New(notTestable())
	r.Target.File, r.Target.Line = "a.yaml", 7
	d := NewDocument("", NewSeveral([]Report{r})).Rebased(func(f string) string { return "sub/" + f })
	if d.Findings[0].File != "sub/a.yaml" || d.Reports.Reports[0].Target.File != "sub/a.yaml" || r.Target.File != "a.yaml" {
		t.Errorf("got %+v", d.Findings)
	}
}

// TestErrorsAreFindings makes sure that a target without a report is not missing in any view.
func TestErrorsAreFindings(t *testing.T) {
	all := NewSeveral([]Report{New(untraced())})
	all.Errors = []TargetError{{Target: "gone", Message: "no such image"}}
	d := NewDocument("", all)
	if len(d.Findings) != 1 || d.Findings[0].Rule != finding.RunError || len(d.Cases()) != 2 || !d.Cases()[1].Failed() {
		t.Errorf("findings %+v, cases %+v", d.Findings, d.Cases())
	}
	for name, write := range map[string]func(*strings.Builder) error{
		"JSON": func(b *strings.Builder) error { return d.JSON(b) }, "Markdown": func(b *strings.Builder) error { return d.Markdown(b) },
	} {
		var b strings.Builder
		if err := write(&b); err != nil || !strings.Contains(b.String(), "no such image") {
			t.Errorf("%s: %v, %s", name, err, b.String())
		}
	}
}
