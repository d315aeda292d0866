package gate_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/emit"
	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/gate"
	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/sealfile"
)

// profileCase is the profile of some containers in a golden. Empty words select all objects and all containers.
type profileCase struct {
	Object, Container string
	Profile           profile.Profile
}

func parsed(t *testing.T, source []byte, podPath string) *manifest.File {
	t.Helper()
	f, err := manifest.Parse("in.yaml", source, podPath)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// sealedManifest seals a manifest by the profiles. It returns the result and the seals by object and container.
func sealedManifest(t *testing.T, source []byte, podPath string, cases []profileCase) ([]byte, map[string]sealfile.Seal, error) {
	t.Helper()
	f := parsed(t, source, podPath)
	var edits []emit.Edit
	seals := map[string]sealfile.Seal{}
	for _, c := range cases {
		targets, err := f.Select(c.Object, c.Container)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range targets {
			edits = append(edits, emit.Edit{Pod: s.Pod, Container: s.Container.Name, Profile: c.Profile})
			seals[key(s)] = sealfile.Seal{
				Object: s.Pod.String(), Container: s.Container.Name, Image: sealfile.Image{Reference: s.Container.Image},
				Profile: c.Profile, Manifest: gate.Record(s.Pod, s.Container),
			}
		}
	}
	out, _, err := emit.Splice(f, edits)
	return out, seals, err
}

func key(t manifest.Target) string { return t.Pod.Path + t.Pod.String() + "/" + t.Container.Name }

// check compares a manifest with seals.
func check(t *testing.T, source []byte, podPath string, seals map[string]sealfile.Seal) []finding.Finding {
	t.Helper()
	f := parsed(t, source, podPath)
	targets, err := f.Select("", "")
	if err != nil {
		t.Fatal(err)
	}
	var all []gate.Sealed
	for _, target := range targets {
		if s, ok := seals[key(target)]; ok {
			all = append(all, gate.Sealed{Target: "t", Pod: target.Pod, Container: target.Container, Seal: s})
		}
	}
	return gate.Manifests(all)
}

// lines words findings, notes left out.
func lines(all []finding.Finding) string {
	var b strings.Builder
	for _, f := range all {
		if f.Level != finding.Note {
			fmt.Fprintf(&b, "%s:%d:%d: %s: %s: %s\n", f.File, f.Line, f.Column, f.Level, f.Rule, f.Message)
		}
	}
	return b.String()
}

// TestSealedIsNoDrift makes sure that what sealing writes carries what the seal proves, in all shapes of manifests, and that
// the manifest before it does not.
func TestSealedIsNoDrift(t *testing.T) {
	names, err := filepath.Glob("../emit/testdata/splice/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no cases", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if golden.Section(a, "want-error") != "" {
				t.Skip("the manifest cannot be sealed")
			}
			var cases []profileCase
			if err := json.Unmarshal([]byte(golden.Section(a, "profiles.json")), &cases); err != nil {
				t.Fatal(err)
			}
			source, podPath := []byte(golden.Section(a, "in.yaml")), strings.TrimSpace(golden.Section(a, "pod-path"))
			out, seals, err := sealedManifest(t, source, podPath, cases)
			if err != nil {
				t.Fatal(err)
			}
			if got := lines(check(t, out, podPath, seals)); got != "" {
				t.Errorf("drift right after sealing:\n%s\n%s", got, out)
			}
			resourcesOnly := filepath.Base(name) == "seed-resources-later.txtar" // are no part of a proof
			if string(out) != string(source) && !resourcesOnly && lines(check(t, source, podPath, seals)) == "" {
				t.Error("no drift of the manifest that is not sealed")
			}
		})
	}
}

// TestDrift edits the sealed manifest of each case, and compares the findings with goldens. An edit is "OLD", a line "=>" and
// "NEW"; without "=>", it is the whole manifest.
func TestDrift(t *testing.T) {
	golden.Run(t, "testdata/drift/*.txtar", func(t *testing.T, a *txtar.Archive) []txtar.File {
		var cases []profileCase
		if err := json.Unmarshal([]byte(golden.Section(a, "profiles.json")), &cases); err != nil {
			t.Fatal(err)
		}
		sealed, seals, err := sealedManifest(t, []byte(golden.Section(a, "in.yaml")), "", cases)
		if err != nil {
			t.Fatal(err)
		}
		if image := golden.Section(a, "image"); image != "" {
			for k, s := range seals {
				s.Object, s.Image.Digest = "", strings.TrimSpace(image)
				seals[k] = s
			}
		}
		out := []txtar.File{{Name: "sealed.yaml", Data: sealed}}
		for _, f := range a.Files {
			name, isEdit := strings.CutPrefix(f.Name, "edit ")
			if !isEdit {
				continue
			}
			edited := string(f.Data)
			if old, now, ok := strings.Cut(edited, "=>\n"); ok {
				if !strings.Contains(string(sealed), old) {
					t.Fatalf("%s: the sealed manifest does not contain %q", f.Name, old)
				}
				edited = strings.Replace(string(sealed), old, now, 1)
			}
			if _, err := manifest.Parse("in.yaml", []byte(edited), ""); err != nil {
				t.Fatalf("%s: %v\n%s", f.Name, err, edited)
			}
			found := lines(check(t, []byte(edited), "", seals))
			if found == "" {
				found = "no drift\n"
			}
			out = append(out, txtar.File{Name: "want " + name, Data: []byte(found)})
		}
		return out
	})
}
