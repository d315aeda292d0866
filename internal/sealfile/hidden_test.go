package sealfile

import (
	"slices"
	"testing"

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
