package config

import (
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/golden"
)

func draft() Draft {
	return Draft{
		Source: "compose.yaml", Result: "one file a target", Outputs: Outputs{Manifest: "{name}.sealed.yaml", Seal: "{name}.seal.yaml", Format: "yaml"},
		Targets: []DraftTarget{
			{Name: "web", Manifest: "compose.yaml", Service: "web", Needs: []Need{{Name: "db"}, {Compose: "compose.yaml", Services: []string{"my_queue"}}}},
			{Name: "db", Image: "postgres:17", Note: "a note", StandIns: false, Completes: true},
			{Name: "pod", Manifest: "a b: c.yaml", Select: "Deployment/web", Container: "yes", StandIns: true},
		},
	}
}

// TestDraft: the text is a valid podseal.yaml.
func TestDraft(t *testing.T) {
	text := draft().Text()
	golden.File(t, "testdata/draft.yaml", text)
	f, err := Parse("podseal.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Targets[2].Manifest; len(got) != 1 || got[0] != "a b: c.yaml" || f.Targets[0].Needs[1].Services[0] != "my_queue" {
		t.Errorf("got %+v", f.Targets)
	}
}

func TestNameOf(t *testing.T) {
	for in, want := range map[string]string{"Web_App": "web-app", "": "app", "--": "app", "a.b": "a-b", strings.Repeat("x", 70): strings.Repeat("x", 63)} {
		if got := NameOf(in); got != want {
			t.Errorf("%q: got %q", in, got)
		}
	}
}

// FuzzDraft: no name breaks out of its place.
func FuzzDraft(f *testing.F) {
	for _, s := range []string{"a", "yes", "a: b", "#", "a\nb", "\u2028", "- x", "\x00", "'", "{", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d := draft()
		d.Source, d.Result, d.Targets[1].Note = s, s, s
		d.Targets[1].Image, d.Targets[2].Manifest, d.Targets[2].Container = "x"+s, "x"+s, "x"+s
		d.Targets[0].Needs[1].Compose = "x" + s
		got, err := Parse("podseal.yaml", d.Text())
		if err != nil {
			t.Fatalf("%v in\n%s", err, d.Text())
		}
		if want := strings.ToValidUTF8("x"+s, "\ufffd"); got.Targets[2].Container != "x"+s && got.Targets[2].Container != want {
			t.Errorf("got %q, want %q", got.Targets[2].Container, want)
		}
	})
}
