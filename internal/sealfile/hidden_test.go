package sealfile

import (
	"slices"
	"testing"

	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/redact"
	"github.com/podseal/podseal/internal/target"
)

func TestHidden(t *testing.T) {
	for _, c := range []struct{ text, recorded, want string }{
		{"psql -U shop", "psql -U (secret)", "psql -U (secret)"},
		{"psql -U shop -d x", "psql -U (secret) -d ***", "psql -U (secret) -d ***"},
		{"psql -U shop -d x", "psql -U (secret) -c ***", "psql -U shop -d x"},
		{"psql -U ", "psql -U (secret)", "psql -U "},
		{"a.c", "abc", "a.c"},
		{"a.c first\nsecond", "a.c ***", "a.c ***"},
		{"abc first", "a.c ***", "abc first"},
		{"x ***", "x ***", "x ***"},
	} {
		if got := Hidden(c.text, c.recorded); got != c.want {
			t.Errorf("Hidden(%q, %q) = %q, want %q", c.text, c.recorded, got, c.want)
		}
	}
	if got := HiddenWords([]string{"a", "b"}, []string{"***"}); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("words of another number: %q", got)
	}
	if got := HiddenWords([]string{"a", "b"}, []string{"***", "c"}); !slices.Equal(got, []string{"***", "b"}) {
		t.Errorf("got %q", got)
	}
}

// TestHiddenCommands makes sure that a check, which does not know the Secrets of a run, finds the commands of the run.
func TestHiddenCommands(t *testing.T) {
	of := func(secrets []string, lines ...string) Commands {
		var all []target.Command
		for _, l := range lines {
			all = append(all, target.Shell(l, false))
		}
		return NewCommands(target.Target{Secrets: secrets, Commands: all}, nil)
	}
	proved := of([]string{"shopuser"}, "psql -U shopuser", "true")
	if now := of(nil, "psql -U shopuser", "true").HiddenAs(proved); now.Hash != proved.Hash {
		t.Error("the same commands are others")
	}
	for _, other := range []Commands{of(nil, "psql -U shopuser -c x", "true -v"), of(nil, "psql -U shopuser"), of(nil, "true", "psql -U shopuser")} {
		if other.HiddenAs(proved).Hash == proved.Hash {
			t.Errorf("other commands are the same: %+v", other)
		}
	}
}

// TestSealsAreRedacted makes sure that a seal keeps what a check compares, and hides the rest.
func TestSealsAreRedacted(t *testing.T) {
	r := &redact.Redactor{}
	r.Hide("postgres", "hunter2")
	in := Seal{
		Image:   Image{Reference: "postgres:17"},
		Profile: profile.Profile{Mounts: []profile.Mount{{Path: "/var/lib/postgresql/data", Kind: profile.Plain}}},
		Fields:  []Field{{Field: "runAsUser", Why: "hunter2 was said"}},
	}
	commands := func(line string) Commands {
		return NewCommands(target.Target{Commands: []target.Command{target.Shell(line, false)}}, nil)
	}
	in.Commands = commands("login hunter2")
	out := Redacted([]Seal{in}, r)[0]
	if out.Profile.Mounts[0].Path != in.Profile.Mounts[0].Path || out.Image != in.Image {
		t.Errorf("it changed what a check compares: %+v", out)
	}
	if out.Fields[0].Why != "*** was said" || out.Commands.List[0].Command != "login ***" {
		t.Errorf("not hidden: %+v", out)
	}
	if now := commands("login hunter2").HiddenAs(out.Commands); now.Hash != out.Commands.Hash {
		t.Error("a check finds other commands")
	}
	if Redacted([]Seal{in}, nil)[0].Commands.Hash != in.Commands.Hash {
		t.Error("without secrets the hash changes")
	}
}
