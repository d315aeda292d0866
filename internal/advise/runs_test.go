package advise_test

import (
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/advise"
	"github.com/podseal/podseal/internal/profile"
)

func tried(uid int64, why string) advise.Trial {
	return advise.Trial{User: profile.User{UID: uid, GID: uid}, Passed: why == "", Why: why}
}

// The ways before the runs: pin the uid of the entrypoint, another image, a USER in the Dockerfile.
var before = []advise.Way{
	{Kind: advise.Pin, Says: "pin uid 33 in the manifest: a guess", Cost: "lines, and a test; `podseal run` proves it", Snippet: "runAsUser: 33\n"},
	{Kind: advise.Alternative, Says: "use other", Image: "other:1"},
	{Kind: advise.Dockerfile, Says: "declare the user by its number, so that no manifest has to", Snippet: "USER 33:33\n"},
}

func TestWaysAfterRuns(t *testing.T) {
	noAccount := tried(185, "exited with code 1")
	noAccount.NoAccount = true
	tests := []struct {
		name string
		runs advise.Runs
		want []string // a part of each way, in order
		not  string   // in none
	}{
		{"no runs", advise.Runs{}, []string{"pin uid 33", "use other", "declare the user by its number"}, "a run passed"},
		{"it passed as it is", advise.Runs{Trials: []advise.Trial{tried(33, "")}}, []string{"a run passed as it", "use other", "USER 33:33"}, "exceptions"},
		{"it passed", advise.Runs{Trials: []advise.Trial{tried(33, "")}}, []string{"pin uid 33 in the manifest: a run passed as it", "use other", "USER 33:33"}, "proves it"},
		{"another passed", advise.Runs{Trials: []advise.Trial{tried(33, "no"), tried(101, "")}}, []string{"pin uid 101", "use other", "USER 101:101"}, "33"},
		{"it failed", advise.Runs{Trials: []advise.Trial{tried(33, "cannot read /etc/key"), tried(0, "")}}, []string{"use other", "as uid 33 (it failed: cannot read /etc/key), and declare it: USER 33:33"}, "pin uid"},
		{"a numeric USER failed", advise.Runs{Declared: "185", Trials: []advise.Trial{tried(185, "no")}}, []string{"use other", "as uid 185, which USER declares (it failed: no)"}, "numeric USER"},
		{"no account", advise.Runs{Declared: "185", Trials: []advise.Trial{noAccount}}, []string{"use other", "give uid 185 an account"}, "numeric USER"},
		{"passed with exceptions", advise.Runs{Trials: []advise.Trial{tried(33, "")}, Exceptions: []string{"capability:CHOWN"}}, []string{"passed as it, with exceptions (capability:CHOWN)", "use other", "USER 33:33"}, ""},
		{"failed, then passed", advise.Runs{Trials: []advise.Trial{tried(33, "a folder was missing"), tried(33, "")}}, []string{"pin uid 33", "use other", "USER 33:33"}, "failed"},
	}
	for _, tt := range tests {
		got := advise.AfterRuns(before, tt.runs)
		if len(got) != len(tt.want) {
			t.Errorf("%s: %d ways, want %d: %+v", tt.name, len(got), len(tt.want), got)
			continue
		}
		for i, w := range got {
			text := w.Says + " " + w.Cost + " " + w.Snippet
			if !strings.Contains(text, tt.want[i]) || tt.not != "" && strings.Contains(text, tt.not) {
				t.Errorf("%s: way %d is %q, want %q and not %q", tt.name, i, text, tt.want[i], tt.not)
			}
		}
	}
}

func TestUserFix(t *testing.T) {
	tests := []struct {
		runs advise.Runs
		want string
	}{
		{advise.Runs{}, "add a numeric USER"},
		{advise.Runs{Declared: "0:0"}, "add a numeric USER"},
		{advise.Runs{Declared: "app"}, "add a numeric USER"},
		{advise.Runs{Declared: "185:0"}, "work as USER 185:0, which the image declares"},
		{advise.Runs{Trials: []advise.Trial{tried(7, "x.")}}, "work as uid 7 (it failed: x), and declare it: USER 7:7"},
		{advise.Runs{Trials: []advise.Trial{tried(0, "x")}}, "add a numeric USER"},
		{advise.Runs{Trials: []advise.Trial{tried(7, ""), tried(7, "x")}}, "add a numeric USER"}, // it can work: it passed once
		{advise.Runs{Trials: []advise.Trial{tried(7, "first"), tried(7, "second"), tried(8, "")}}, "as uid 7 (it failed: second)"},
		{advise.Runs{Trials: []advise.Trial{{User: profile.User{UID: 185}, NoAccount: true}}}, "app:x:185:0::"},
	}
	for _, tt := range tests {
		if got := advise.UserFix(tt.runs); !strings.Contains(got, tt.want) {
			t.Errorf("%+v: %q, want %q", tt.runs, got, tt.want)
		}
	}
}
