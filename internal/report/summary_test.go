package report

import (
	"testing"
)

func TestMountText(t *testing.T) {
	r := Report{ProvedBy: "confirmation run", Profile: &Profile{Env: map[string]string{"HOME": "/home/own"}}}
	r.Choices = []Choice{{Path: "/data", Reason: "the application writes here"}, {Path: "/home/own", Reason: "the application's HOME, in place of /"}}
	for at, want := range map[string]string{
		"/home/own": "the application's HOME, in place of /",
		"/data":     "the application writes here; not tried without it",
	} {
		if got := mountText(r, Mount{Path: at, Kind: "plain"}); got != want {
			t.Errorf("%s: %q, not %q", at, got, want)
		}
	}
}
