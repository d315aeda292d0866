package sealfile_test

import (
	"testing"

	"github.com/podseal/podseal/internal/sealfile"
	"github.com/podseal/podseal/internal/target"
)

// TestFilesOfCommands finds the script that a command names, where it is a file below the working directory.
func TestFilesOfCommands(t *testing.T) {
	read := func(at string) ([]byte, bool) {
		content, ok := map[string]string{"e2e.sh": "curl", "tests/smoke.py": "get"}[at]
		return []byte(content), ok
	}
	for _, c := range []struct {
		command target.Command
		want    string
	}{
		{target.Command{Argv: []string{"./e2e.sh", "x"}}, "e2e.sh"},
		{target.Command{Argv: []string{"bash", "-eu", "e2e.sh"}}, "e2e.sh"},
		{target.Command{Argv: []string{"/usr/bin/python3", "tests/smoke.py"}}, "tests/smoke.py"},
		{target.Shell("./e2e.sh && echo done", false), "e2e.sh"},
		{target.Shell("X=1 sh e2e.sh $PODSEAL_URL", false), "e2e.sh"},
		{target.Shell("./e2e.sh", true), ""},
		{target.Command{Argv: []string{"e2e.sh"}}, ""},
		{target.Command{Argv: []string{"./missing.sh"}}, ""},
		{target.Command{Argv: []string{"/e2e.sh"}}, ""},
		{target.Command{Argv: []string{"../e2e.sh"}}, ""},
		{target.Command{Argv: []string{"sh"}}, ""},
		{target.Command{Argv: []string{"curl", "e2e.sh"}}, ""},
		{target.Shell("if (", false), ""},
	} {
		got := sealfile.NewCommands(target.Target{Commands: []target.Command{c.command}}, read).List[0].File
		if got == nil && c.want != "" || got != nil && got.Path != c.want {
			t.Errorf("%s: %+v, want %q", c.command, got, c.want)
		}
	}
}

// TestHashOfCommands changes with everything that it covers, and with nothing else.
func TestHashOfCommands(t *testing.T) {
	content := "curl"
	read := func(at string) ([]byte, bool) { return []byte(content), at == "e2e.sh" }
	of := func(commands ...target.Command) sealfile.Commands {
		return sealfile.NewCommands(target.Target{Commands: commands, Secrets: []string{"hunter2"}}, read)
	}
	base := of(target.Command{Argv: []string{"./e2e.sh"}})
	if again := base.Reread(read); again.Hash != base.Hash {
		t.Error("the hash changed, and nothing else did")
	}
	content = "curl -f"
	if base.Reread(read).Hash == base.Hash {
		t.Error("the script changed")
	}
	if gone := base.Reread(func(string) ([]byte, bool) { return nil, false }); gone.Hash == base.Hash || base.List[0].File.Hash == "" {
		t.Error("the script was removed")
	}
	seen := map[string]string{}
	for name, c := range map[string]sealfile.Commands{
		"none": of(), "one": of(target.Shell("a", false)), "inside": of(target.Shell("a", true)), "two": of(target.Shell("a", false), target.Shell("b", false)),
		"suite": of(target.Command{Argv: []string{"sh", "-c", "a"}, Suite: "s"}), "joined": of(target.Shell("ab", false)),
	} {
		if other, known := seen[c.Hash]; known {
			t.Errorf("%s and %s have one hash", name, other)
		}
		seen[c.Hash] = name
	}
	if got := of(target.Shell("login hunter2; client --password=x", false)).List[0].Command; got != "login (secret); client --password=***" {
		t.Errorf("secrets are kept: %s", got)
	}
}
