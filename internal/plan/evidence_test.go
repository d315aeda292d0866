package plan_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/observe/observetest"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// TestMoreUsers lists the users to try after the first candidate failed in the run "run".
func TestMoreUsers(t *testing.T) {
	goldens(t, "moreusers", func(t *testing.T, a *txtar.Archive, in plan.Input) string {
		users, err := plan.Users(context.Background(), in)
		if err != nil {
			t.Fatal(err)
		}
		run, err := observetest.Parse(golden.Section(a, "run"))
		if err != nil {
			t.Fatal(err)
		}
		more, err := plan.MoreUsers(context.Background(), in, users[0], run)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		fmt.Fprintf(&b, "tried %d:%d\n", users[0].User.UID, users[0].User.GID)
		for _, u := range more {
			fmt.Fprintf(&b, "%d:%d groups %v: %s\n", u.User.UID, u.User.GID, u.User.Groups, u.Why)
		}
		return b.String()
	})
}

// TestExplained checks that a refusal explains a failure only in the same phase, and only if the open run did not have it.
func TestExplained(t *testing.T) {
	for _, c := range []struct {
		name, open, run string
		want            bool
	}{
		{"nothing", "", "log hello", false},
		{"a refused write", "", "open /srv/x start denied EROFS", true},
		{"a refused write of another phase", "", "open /srv/x e2e denied EROFS", false},
		{"a refused write that is noise", "", "open /proc/self/comm start denied EROFS", false},
		{"a refused write that the open run had, too", "open /srv/x start denied EROFS", "open /srv/x start denied EROFS", false},
		{"a refused write to another file of the folder", "open /srv/a start denied EROFS", "open /srv/x start denied EROFS", true},
		{"a refused write to another temp file of the folder", "open /srv/tmp.a8Xk2Q start denied EROFS", "open /srv/tmp.Zk29Xw start denied EROFS", false},
		{"a refused write to a temp file beside a file", "open /srv/a start denied EROFS", "open /srv/tmp.Zk29Xw start denied EROFS", true},
		{"a refused write to a temp file of another folder", "open /srv/tmp.a8Xk2Q start denied EROFS", "open /opt/tmp.Zk29Xw start denied EROFS", true},
		{"a refused rename between mounts", "", "rename /a/x -> /b/x start unknown EXDEV", true},
		{"a refused rename between mounts of another phase", "", "rename /a/x -> /b/x e2e unknown EXDEV", false},
		{"a busy mount point", "", "rmdir /a/ start unknown EBUSY", true},
		{"another unknown outcome", "", "rmdir /a/ start unknown ENOTEMPTY", false},
		{"a line about a rename between mounts", "", "log rename: Invalid cross-device link", true},
		{"a line about a mount point", "", "log rm: Resource busy", true},
		{"a line about an owner", "", "log wrong owner", true},
		{"a line about an owner that the open run has, too", "log wrong owner", "log wrong owner", false},
		{"a missing file", "", "log /srv/x: no such file or directory", true},
		{"a missing file without a path", "", "log no such file or directory", false},
		{"a missing file that the open run misses, too", "log /srv/x: no such file or directory", "log /srv/x: no such file or directory", false},
		{"a present file", "", "log reading /srv/x", false},
		{"a denied port", "", "denied-port 80", true},
		{"an error of the engine", "", "exit 126 start\nerror exec: operation not permitted", true},
		{"an exit", "", "exit 1 start", false},
		{"a failed seed", "", "failed-seed /srv cp failed", true},
	} {
		in := input(t, txtar.Parse([]byte("-- image --\n-- open --\n"+c.open+"\n")))
		run, err := observetest.Parse("failed start exited 1\n" + c.run)
		if err != nil {
			t.Fatal(err)
		}
		if got := plan.Explained(in, run); got != c.want {
			t.Errorf("%s: explained %v, want %v", c.name, got, c.want)
		}
	}
}

func TestRelaxationsOf(t *testing.T) {
	for _, c := range []struct {
		reason profile.Reason
		want   []string
	}{
		{profile.Reason{Field: profile.MountID("/run"), Mount: "/run"}, []string{"mount /run", "owned /run", "memory /run"}},
		{profile.Reason{Field: plan.HomeField}, []string{plan.HomeField}},
		{profile.Reason{Field: plan.CapabilityField}, []string{"capability CHOWN", "capability NET_BIND_SERVICE", "capability SETUID"}},
	} {
		got := plan.RelaxationsOf(c.reason)
		for _, id := range c.want {
			if !slices.Contains(got, id) || c.reason.Field != plan.CapabilityField && len(got) != len(c.want) {
				t.Errorf("%+v: %v, want %v", c.reason, got, c.want)
			}
		}
	}
}

func TestStrengths(t *testing.T) {
	for s, want := range map[plan.Strength]string{
		plan.Guess: "guess", plan.FromEarlier: "earlier phase", plan.FromLog: "log line", plan.FromExit: "exit error", plan.FromTrace: "trace",
	} {
		if text, err := s.MarshalText(); string(text) != want || err != nil {
			t.Errorf("%d: %q %v, want %q", s, text, err, want)
		}
	}
	p := plan.Proposal{Blames: []plan.Blame{{Strength: plan.FromLog}, {Strength: plan.FromTrace}, {Strength: plan.Guess}}}
	if got := p.Strength(); got != plan.FromTrace {
		t.Errorf("strength of a proposal: %s", got)
	}
}

// TestMissesAccount: the output of a failed command counts, that of a passing one does not.
func TestMissesAccount(t *testing.T) {
	const line = "No user exists for uid 65532"
	for _, c := range []struct {
		name string
		run  observe.Observation
		want bool
	}{
		{"logs", observe.Observation{Logs: line}, true},
		{"a failed command", observe.Observation{Commands: []observe.CommandResult{{Code: 1, Output: line}}}, true},
		{"a passing command", observe.Observation{Commands: []observe.CommandResult{{Output: line}}}, false},
	} {
		if got := plan.MissesAccount(c.run); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestIsTempFolder(t *testing.T) {
	if !plan.IsTempFolder("/tmp") || !plan.IsTempFolder("/var/tmp") || plan.IsTempFolder("/run") {
		t.Error("want /tmp and /var/tmp only")
	}
}

// TestEnv: the target's variables replace the image's; a word without a value is none.
func TestEnv(t *testing.T) {
	in := input(t, txtar.Parse([]byte("-- config --\nenv A=image\nenv B=image\nenv C\n")))
	in.Target.Env = []target.EnvVar{{Name: "A", Value: "target"}}
	for name, want := range map[string]string{"A": "target", "B": "image", "C": "", "D": ""} {
		if got := plan.Env(in, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}
