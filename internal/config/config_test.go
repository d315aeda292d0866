package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/strictyaml"
)

// TestParse reads each file of testdata: its problems, or its targets with the defaults.
func TestParse(t *testing.T) {
	golden.Run(t, "testdata/*.txtar", func(t *testing.T, a *txtar.Archive) []txtar.File {
		f, err := Parse("podseal.yaml", []byte(golden.Section(a, "podseal.yaml")))
		var out strings.Builder
		problems := Problems{}
		switch {
		case errors.As(err, &problems):
			for _, p := range problems {
				out.WriteString(p.Error() + "\n")
			}
		case err != nil:
			out.WriteString(err.Error() + "\n")
		default:
			for i := range f.Targets {
				text, err := json.MarshalIndent(f.Resolve(i), "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&out, "%s\ncommands %+v\nneeds %+v\nenv %s\n", text, f.Targets[i].Commands, f.Targets[i].Needs, f.Resolve(i).Env.Variables())
			}
		}
		return golden.Want(out.String())
	})
}

func TestDatePasses(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for day, want := range map[Date]bool{"": false, "2026-02-28": true, "2026-03-01": false, "2026-03-02": false} {
		if day.Before(now) != want {
			t.Errorf("%q: got %t", day, !want)
		}
	}
}

func TestPlaces(t *testing.T) {
	f, err := Parse("a/podseal.yaml", []byte("version: 1\ntargets:\n- name: a\n  image: b\n  commands:\n  - {suite: s, commands: [x, {exec: y}]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]strictyaml.Place{
		"":                                     {Line: 1, Column: 1},
		"version":                              {Line: 1, Column: 10},
		"targets[0].image":                     {Line: 4, Column: 10},
		"targets[0].commands[0].commands[1]":   {Line: 6, Column: 30},
		"targets[0].outputs.manifest":          {Line: 3, Column: 3},
		"targets[0].commands[0].commands[7].x": {Line: 6, Column: 26},
	} {
		if got := f.Place(path); got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
	if got := f.Join("x/y"); got != "a/x/y" {
		t.Errorf("got %s", got)
	}
	if got := f.Join("/x"); got != "/x" {
		t.Errorf("got %s", got)
	}
}

func TestNeededTargets(t *testing.T) {
	f, err := Parse("podseal.yaml", []byte(`version: 1
services: {db: {image: db}}
targets:
- {name: a, image: i, commands: [], needs: [b, db]}
- {name: b, image: i, commands: [], needs: [c]}
- {name: c, image: i, commands: []}
- {name: d, image: i, commands: []}
`))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(f.NeededTargets([]string{"a"}), " "); got != "b c" {
		t.Errorf("got %s", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"version: 1\ntargets:\n- name: a\n  image: b\n  commands: [x, {exec: y}, {suite: z, commands: [w]}]\n",
		"x-a: &a {image: b}\nversion: 1\ntargets:\n- <<: *a\n  name: a\n  commands: []\n",
		"a: &a {<<: *a}\n", "targets: &t [*t]\n", "---\n...\n---\nversion: 1", "services: {db: {compose: c, services: [d]}}\n", "a: &x [*x, *x]\nb: *x",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		file, err := Parse("podseal.yaml", source)
		if err == nil {
			for i := range file.Targets {
				file.Resolve(i)
			}
			return
		}
		if err.Error() == "" {
			t.Error("an error without a text")
		}
		problems := Problems{}
		if errors.As(err, &problems) {
			for _, p := range problems {
				if p.Line < 1 || p.Column < 1 || p.Text == "" {
					t.Errorf("a problem without a place: %+v", p)
				}
			}
		}
	})
}
