package podspec

import (
	"fmt"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/profile"
)

// The command of an init container is protected from expansion, too: a path may look like a variable.
func TestSeedCommandIsLiteral(t *testing.T) {
	m := profile.Mount{Path: "/srv/$(HOME)", Kind: profile.Seeded}
	seed, err := Seeding{AppImage: "app"}.container(m, "v", "", Names{})
	if err != nil {
		t.Fatal(err)
	}
	command, _ := seed.Get("command").([]any)
	got := fmt.Sprint(command...)
	if !strings.Contains(got, "cp -a $o '/srv/$$(HOME)/.' /seed/.t/") {
		t.Error(got)
	}
}
