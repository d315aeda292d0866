package advise_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/podseal/podseal/internal/advise"
	"github.com/podseal/podseal/internal/advise/dockerfile"
	"github.com/podseal/podseal/internal/golden/schematest"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/report/sarif"
)

func catalog(t *testing.T) advise.Catalog {
	t.Helper()
	c, err := advise.ShippedCatalog()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCatalogFindsTheEntryThatFitsBest(t *testing.T) {
	c := catalog(t)
	for ref, want := range map[string]string{
		"postgres:18":                                                         "postgres",
		"docker.io/library/postgres:18-alpine":                                "postgres:*-alpine",
		"postgres:18-alpine@sha256:" + strings.Repeat("a", 64):                "postgres:*-alpine",
		"gcr.io/distroless/static-debian13@sha256:" + strings.Repeat("a", 64): "",
		"index.docker.io/postgres@sha256:" + strings.Repeat("a", 64):          "postgres",
		"gcr.io/distroless/static-debian13":                                   "gcr.io/distroless/*:latest",
		"gcr.io/distroless/static-debian13:nonroot":                           "gcr.io/distroless/*:nonroot",
		"example.com/postgres:18":                                             "",
		"not a reference":                                                     "",
	} {
		if got, _ := c.Find(ref); got.Image != want {
			t.Errorf("Find(%s) = %q, want %q", ref, got.Image, want)
		}
	}
}

func TestCatalogRefusesWhatIsNotVerified(t *testing.T) {
	for _, text := range []string{
		"version: 2",
		"version: 1\nimages: [{image: ''}]",
		"version: 1\nsurprise: 1",
		"version: 1\nimages: [{image: a, alternatives: [{image: b, uid: 0, how: h, date: d, source: s}]}]",
		"version: 1\nimages: [{image: a, alternatives: [{image: b, uid: 1, date: d, source: s}]}]",
		"version: 1\nimages: [{image: a, alternatives: [{image: b, uid: 1, how: h, source: s}]}]",
	} {
		if _, err := advise.ParseCatalog([]byte(text)); err == nil {
			t.Errorf("%q gave no error", text)
		}
	}
}

// TestShippedBasesAreVerified: each entry says how, when and where it was verified, and a user only of an account that it has.
func TestShippedBasesAreVerified(t *testing.T) {
	for _, b := range catalog(t).Bases {
		if b.How == "" || b.Date == "" || b.Source == "" || b.Family == "" {
			t.Errorf("base %s: family, how, date and source must be known: %+v", b.Image, b)
		}
		if b.Prefer != "" && b.Accounts[b.Prefer] == "" {
			t.Errorf("base %s: nothing is known of the account %s", b.Image, b.Prefer)
		}
	}
}

// TestOwnCatalog: a user's entries replace those of the same image, and add to the others.
func TestOwnCatalog(t *testing.T) {
	own, err := advise.ParseCatalog([]byte("version: 1\nimages:\n- image: nginx\nbases:\n- {image: debian, family: minimal}\n- {image: team/base, family: alpine}\n"))
	if err != nil {
		t.Fatal(err)
	}
	both := catalog(t).Extended(own)
	if i, ok := both.Find("nginx:1"); !ok || len(i.Alternatives) > 0 {
		t.Errorf("nginx was not replaced: %+v", i)
	}
	if i, ok := both.Find("redis:8"); !ok || len(i.Alternatives) == 0 {
		t.Errorf("redis is gone: %+v", i)
	}
	patterns, err := advise.ParseCatalog([]byte("version: 1\nimages:\n- image: 'team*'\n- image: '*base'\n"))
	if err != nil {
		t.Fatal(err)
	}
	if i, _ := patterns.Find("team-base"); i.Image != "team*" {
		t.Errorf("of two entries that fit equally well, %s counts instead of the first", i.Image)
	}
	for ref, want := range map[string]dockerfile.Family{"debian:13": dockerfile.Minimal, "team/base:1": dockerfile.Alpine, "alpine": dockerfile.Alpine} {
		if got := both.Base(ref).Family; got != want {
			t.Errorf("%s: %q, want %q", ref, got, want)
		}
	}
}

// unwrapped is a text without its line breaks.
func unwrapped(s string) string { return strings.Join(strings.Fields(s), " ") }

func TestAlternativesSayWhatChanges(t *testing.T) {
	own, err := advise.ParseCatalog([]byte(`version: 1
images:
- image: example.com/app
  alternatives:
  - {image: "example.com/app:*-rootless", uid: 1000, how: read, date: "2026", source: there}
  - {image: other.example/app, uid: 65532, tags: ["2"], ports: [8080], login: true, how: read, date: "2026", source: there}
`))
	if err != nil {
		t.Fatal(err)
	}
	tree := image.NewMemTree(nil, map[string]string{"/etc/passwd": "root:x:0:0:::\n"})
	facts := image.Facts{Ref: "example.com/app:1", Config: &v1.ConfigFile{}}
	r, err := advise.Image(context.Background(), facts, tree, advise.Options{Catalog: catalog(t).Extended(own)})
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, w := range r.Ways {
		kinds = append(kinds, string(w.Kind))
	}
	if got := strings.Join(kinds, " "); got != "pin variant alternative dockerfile" {
		t.Errorf("ways: %s", got)
	}
	text := r.Text()
	for _, want := range []string{"example.com/app:*-rootless", "other.example/app:2", "from 65532 to 1000", "listens on 8080", "wants a login", "read, there, 2026"} {
		if !strings.Contains(text, want) {
			t.Errorf("the advice does not say %q:\n%s", want, text)
		}
	}
	verified := r.Verify(context.Background(), func(_ context.Context, ref string) (*v1.ConfigFile, error) {
		if ref != "other.example/app:2" {
			t.Errorf("asked for %s", ref)
		}
		return &v1.ConfigFile{Config: v1.Config{User: "0:0"}}, nil
	})
	byName := r.Verify(context.Background(), func(context.Context, string) (*v1.ConfigFile, error) {
		return &v1.ConfigFile{Config: v1.Config{User: "root:root"}}, nil
	})
	if len(byName.Ways) != 3 {
		t.Errorf("an image of root by its name is advised after --verify:\n%s", byName.Text())
	}
	if len(verified.Ways) != 3 || !strings.Contains(unwrapped(verified.Text()), "since it is root") {
		t.Errorf("a root image is advised after --verify:\n%s", verified.Text())
	}
	gone := r.Verify(context.Background(), func(context.Context, string) (*v1.ConfigFile, error) { return nil, errors.New("no such tag") })
	if len(gone.Ways) != 3 || !strings.Contains(unwrapped(gone.Text()), "no such tag") {
		t.Errorf("a missing image is advised after --verify:\n%s", gone.Text())
	}
	there := r.Verify(context.Background(), func(context.Context, string) (*v1.ConfigFile, error) {
		return &v1.ConfigFile{Config: v1.Config{User: "65532"}}, nil
	})
	if len(there.Ways) != 4 || !strings.Contains(unwrapped(there.Text()), "it exists, with USER 65532") {
		t.Errorf("a good image is not advised after --verify:\n%s", there.Text())
	}
}

func TestManifestUserSettlesIt(t *testing.T) {
	id := func(n int64) *int64 { return &n }
	tree := image.NewMemTree(nil, map[string]string{"/etc/passwd": "root:x:0:0:::\napp:x:7:8:::\n"})
	facts := image.Facts{Ref: "example.com/app:1", Config: &v1.ConfigFile{}}
	r, err := advise.Image(context.Background(), facts, tree, advise.Options{RunAsUser: id(7)})
	if err != nil || len(r.Ways) != 1 || r.Ways[0].Kind != advise.Nothing || r.User.UID != 7 || r.User.GID != 8 {
		t.Errorf("runAsUser 7: %+v, %v", r, err)
	}
	r, err = advise.Image(context.Background(), facts, tree, advise.Options{RunAsUser: id(0)})
	if err != nil || r.Ways[0].Kind != advise.Pin {
		t.Errorf("runAsUser 0: %+v, %v", r, err)
	}
}

// sarifResults returns the results of the findings in a Dockerfile.
func sarifResults(t *testing.T, file, source string) ([]sarif.Result, advise.Outcome) {
	t.Helper()
	result, err := dockerfile.Check([]byte(source), dockerfile.Options{Base: catalog(t).Base})
	if err != nil {
		t.Fatal(err)
	}
	out := advise.Outcome{Dockerfiles: []advise.DockerfileReport{{File: file, Result: result}}}
	var log sarif.Document
	data, err := out.SARIF("1")
	if err != nil || json.Unmarshal(data, &log) != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	official, err := os.ReadFile("../report/sarif/testdata/sarif-schema-2.1.0.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := schematest.Compile(t, official).Validate(schematest.JSON(t, data)); err != nil {
		t.Error(err)
	}
	return log.Runs[0].Results, out
}

// TestSARIF makes sure that a finding keeps its fingerprint where its line moves, and that files and messages are escaped.
func TestSARIF(t *testing.T) {
	const file = "a b/Dockerfile"
	got, _ := sarifResults(t, file, "FROM debian\nEXPOSE 80\nEXPOSE 81\nUSER root\n")
	moved, _ := sarifResults(t, file, "# moved\n\nFROM debian\nEXPOSE 80\nEXPOSE 81\nUSER root\n")
	if len(got) != 3 || len(moved) != 3 {
		t.Fatalf("%d and %d results", len(got), len(moved))
	}
	seen := map[string]bool{}
	for i, r := range got {
		at := r.Locations[0].Physical
		if at.Artifact.URI != "a%20b/Dockerfile" || moved[i].Locations[0].Physical.Region.StartLine != at.Region.StartLine+2 {
			t.Errorf("%s is at %+v, then at %+v", r.RuleID, at, moved[i].Locations[0].Physical)
		}
		for name, print := range r.PartialFingerprints {
			if seen[print] || moved[i].PartialFingerprints[name] != print {
				t.Errorf("%s: fingerprint %s, then %s", r.RuleID, print, moved[i].PartialFingerprints[name])
			}
			seen[print] = true
		}
	}
	if r := got[0]; len(seen) != 3 || r.RuleID != dockerfile.RuleRoot || r.Level != "error" || r.Locations[0].Physical.Region.StartLine != 4 {
		t.Errorf("%+v", got)
	}
	for _, r := range append(got, moved...) {
		if strings.HasPrefix(r.Message.Text, ": ") || r.Locations[0].Logical != nil {
			t.Errorf("%+v", r)
		}
	}
}

func TestJSONAndFindings(t *testing.T) {
	_, out := sarifResults(t, "a/Dockerfile", "FROM debian\nEXPOSE 80\nUSER root\n")
	data, err := advise.Outcome{}.JSON()
	if err != nil || !strings.Contains(string(data), `"images": []`) {
		t.Errorf("%s, %v", data, err)
	}
	if id, ok := out.Has([]string{"setuid", "low-port"}); !ok || id != "low-port" {
		t.Errorf("Has = %q, %v", id, ok)
	}
	if id, ok := out.Has([]string{"setuid"}); ok {
		t.Errorf("nothing is setuid, but Has = %q", id)
	}
	out.Images = []advise.Report{{}, {Findings: []advise.Finding{{ID: "setuid"}}}}
	if id, ok := out.Has([]string{"setuid"}); !ok || id != "setuid" {
		t.Errorf("Has of an image = %q, %v", id, ok)
	}
	out.Dockerfiles[0].Written, out.Images = true, nil
	if id, ok := out.Has([]string{"low-port"}); ok {
		t.Errorf("the change is written, but Has = %q", id)
	}
}
