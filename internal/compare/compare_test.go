package compare_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/compare"
	"github.com/podseal/podseal/internal/engine/enginetest"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/target"
)

// application is an image whose program runs a script of enginetest.
const application = `
-- image --
f 0755 0:0 /bin/sh
d 0755 USER:USER /srv
d 0755 USER:USER /srv/data
d 0755 USER:USER /var
d 0755 USER:USER /var/cache
-- config --
user USER
-- app --
`

// sealed seals an image under a name with the fake engine.
func sealed(t *testing.T, name, user, script string) (res seal.Result) {
	t.Helper()
	e, _, err := enginetest.Parse(txtar.Parse([]byte(strings.ReplaceAll(application, "USER", user) + script)))
	if err != nil {
		t.Fatal(err)
	}
	e.Traced = true
	synctest.Test(t, func(*testing.T) {
		res, err = seal.Run(context.Background(), e, target.Target{
			Image: "app", Ready: target.Ready{Timeout: time.Minute}, Commands: []target.Command{target.Shell("e2e", true)},
		}, seal.Options{Minimize: seal.MinimizeFull, Parallel: 1})
	})
	if err != nil {
		t.Fatal(err)
	}
	res.Target.Image = name
	return res
}

const (
	quiet   = "start write /srv/data/x\n"
	caching = quiet + "start write /var/cache/page\n"
	broken  = "e2e fail\n"
)

func TestOf(t *testing.T) {
	for _, c := range []struct {
		name         string
		userA, userB string
		a, b         string
		more         bool
		testable     bool
		want         string
	}{
		{"equal", "1000", "1000", quiet, quiet, false, true, "no difference"},
		{"another mount", "1000", "1000", quiet, caching, true, true, "+ mount /var/cache"},
		{"another write", "1000", "1000", quiet, caching, true, true, "+ /var/cache/page: app"},
		{"a mount less", "1000", "1000", caching, quiet, false, true, "- mount /var/cache"},
		{"another user", "1000", "1001", quiet, quiet, true, true, "+ 1001:"},
		{"other names of temporary files", "1000", "1000", "start temp /srv/data/one\n", "start temp /srv/data/two\n", false, true, "no difference"},
		{"the second fails", "1000", "1000", quiet, broken, true, false, "+ shop:2: not testable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := compare.Of(sealed(t, "shop:1", c.userA, c.a), sealed(t, "shop:2", c.userB, c.b))
			var text, markdown bytes.Buffer
			if err := got.Text(&text); err != nil {
				t.Fatal(err)
			}
			if err := got.Markdown(&markdown); err != nil {
				t.Fatal(err)
			}
			if got.NeedsMore != c.more || got.Testable() != c.testable || !strings.Contains(text.String(), c.want) {
				t.Errorf("needs more: %t, testable: %t\n%s", got.NeedsMore, got.Testable(), &text)
			}
			if !strings.Contains(markdown.String(), "```diff\n"+text.String()+"```\n") {
				t.Errorf("Markdown:\n%s", &markdown)
			}
		})
	}
}

// TestMountOnce names a mount that only one image has in one line with its kind, and a copy that only one needs in another.
func TestMountOnce(t *testing.T) {
	result := func(name string, mounts ...profile.Mount) seal.Result {
		res := seal.Result{Verdict: seal.Sealed, Profile: profile.Profile{User: profile.User{UID: 7}, Mounts: mounts}}
		res.Target.Image = name
		return res
	}
	seeded, plain := profile.Mount{Path: "/srv", Kind: profile.Seeded}, profile.Mount{Path: "/srv", Kind: profile.Plain}
	owned := profile.Mount{Path: "/data", Kind: profile.Owned, Medium: profile.Memory}
	for _, c := range []struct {
		a, b seal.Result
		want string
	}{
		{result("a"), result("b", seeded), "  + mount /srv: seeded; needed\n"},
		{result("a", seeded), result("b"), "  - mount /srv: seeded; needed\n"},
		{result("a", plain), result("b", seeded), "  + seeded /srv: needed\n"},
		{result("a", owned), result("b", seeded), "  - mount /data: owned; needed\n  + mount /srv: seeded; needed\n"},
		{result("a", seeded), result("b", seeded), ""},
		{result("a"), result("b", profile.Mount{Path: "/srv", Kind: profile.Seeded, Volume: true}), "  + seeded /srv: needed\n"},
	} {
		var text bytes.Buffer
		if err := compare.Of(c.a, c.b).Text(&text); err != nil {
			t.Fatal(err)
		}
		_, got, _ := strings.Cut(text.String(), "Needed by the profile\n")
		if got != c.want {
			t.Errorf("got\n%s, want\n%s", got, c.want)
		}
	}
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	same := sealed(t, "shop:1", "1000", quiet)
	if err := compare.Of(same, same).JSON(&b); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if list, ok := got["differences"].([]any); !ok || len(list) != 0 || got["schema"] != compare.Schema || got["needsMore"] != false {
		t.Errorf("got %s", &b)
	}
}
