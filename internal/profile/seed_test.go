package profile

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestSeedCommandText(t *testing.T) {
	const (
		start      = "sh|-c|[ -d /seed/d ] || { { chmod -R u+rwx /seed/.t 2>/dev/null; rm -rf /seed/.t; } && "
		option     = " && o=--no-preserve=ownership && { cp $o --help >/dev/null 2>&1 || o=; }"
		copying    = " && { e=$(LC_ALL=C cp -a $o "
		failed     = `{ echo "$e" >&2; exit 1; }; }`
		unreadable = `{ [ $? = 1 ] && printf '%s\n' "$e" | while read -r l; do case $l in *"Permission denied"|*"preserve ownership"*|*"special file"*|*"can't create "*"Operation not permitted") ;; ` +
			`*) echo "$l" >&2; exit 1;; esac; done; }; }`
		end = " && mv /seed/.t /seed/d; }"
	)
	tests := []struct {
		mount Mount
		want  string
	}{
		{Mount{Path: "/data", Kind: Plain}, ""},
		{Mount{Path: "/data", Kind: Owned}, "sh|-c|[ -d /seed/d ] || mkdir /seed/d"},
		{Mount{Path: "/data", Kind: Owned, Private: true}, "sh|-c|[ -d /seed/d ] || mkdir -m 700 /seed/d"},
		{Mount{Path: "/etc/app/", Kind: Seeded}, start + "mkdir /seed/.t" + option + copying + "/etc/app/. /seed/.t/ 2>&1) || " + failed + " && chmod u+rwx /seed/.t" + end},
		{Mount{Path: "/db", Kind: Seeded, Private: true}, start + "mkdir -m 700 /seed/.t" + option + copying + "/db/. /seed/.t/ 2>&1) || " + failed + " && chmod 700 /seed/.t" + end},
		{Mount{Path: "/srv", Kind: Seeded, Rewritable: true}, start + "mkdir /seed/.t" + option + copying + "/srv/. /seed/.t/ 2>&1) || " + failed +
			" && chmod -R u+w /seed/.t && chmod u+rwx /seed/.t" + end},
		{Mount{Path: "/var/log", Kind: Seeded, Partial: true}, start + "mkdir /seed/.t" + option + copying + "/var/log/. /seed/.t/ 2>&1) || " + unreadable + " && chmod u+rwx /seed/.t" + end},
		{Mount{Path: "/it's here", Kind: Seeded}, start + "mkdir /seed/.t" + option + copying + `'/it'\''s here/.' /seed/.t/ 2>&1) || ` + failed + " && chmod u+rwx /seed/.t" + end},
	}
	for _, tt := range tests {
		if got := strings.Join(tt.mount.SeedCommand("/seed"), "|"); got != tt.want {
			t.Errorf("%s %s:\n got %s\nwant %s", tt.mount.Kind, tt.mount.Path, got, tt.want)
		}
	}
}

func TestSeedingFromAnImageVolume(t *testing.T) {
	m := Mount{Path: "/etc/app", Kind: Seeded}
	for s, want := range map[Seeding]string{{}: " /etc/app/. ", {Image: "tools"}: " /etc/app/. ", {Image: "tools", ImageVolume: true}: " /podseal-image/etc/app/. "} {
		if got := strings.Join(s.Command(m), " "); !strings.Contains(got, want) {
			t.Errorf("%+v: %s", s, got)
		}
	}
	if got := (Seeding{Image: "tools", ImageVolume: true}).Command(Mount{Path: "/data", Kind: Owned}); strings.Contains(strings.Join(got, " "), SeedImagePath) {
		t.Errorf("an owned mount needs no content: %v", got)
	}
}

// TestSeedProgramsAreThoseOfTheCommand makes sure that nothing is run that was not looked for.
func TestSeedProgramsAreThoseOfTheCommand(t *testing.T) {
	for _, m := range []Mount{{Path: "/d", Kind: Plain}, {Path: "/d", Kind: Owned}, {Path: "/d", Kind: Seeded}, {Path: "/d", Kind: Seeded, Rewritable: true}} {
		line := strings.Join(m.SeedCommand("/seed"), " ")
		for _, program := range []string{"sh", "rm", "mkdir", "cp", "chmod", "mv"} {
			used := strings.HasPrefix(line, program+" ") || strings.Contains(line, " "+program+" ")
			if listed := slices.Contains(m.SeedPrograms(), program); used != listed {
				t.Errorf("%s %s: %s used %t, listed %t", m.Kind, line, program, used, listed)
			}
		}
	}
}

func TestSizeLimitTakesNoPartInEqual(t *testing.T) {
	a := Profile{}.WithMount(Mount{Path: "/d", Kind: Plain})
	b := Profile{}.WithMount(Mount{Path: "/d", Kind: Plain, SizeLimit: 1 << 20})
	c := Profile{Seeding: Seeding{Image: "tools"}}.WithMount(Mount{Path: "/d", Kind: Plain})
	if !a.Equal(b) || a.Equal(c) {
		t.Error("a limit makes a difference, or another image for init containers none")
	}
}

func TestSeedVolumePathNeverOverlaps(t *testing.T) {
	for at, want := range map[string]string{"/data": "/seed", "/seed": "/podseal-seed", "/seed/x": "/podseal-seed", "/seedling": "/seed"} {
		if got := (Mount{Path: at, Kind: Seeded}).SeedVolumePath(); got != want {
			t.Errorf("SeedVolumePath of %s = %s, want %s", at, got, want)
		}
	}
}

// TestSeedCommandRuns runs the commands in a real shell: content arrives, dotfiles and odd names included; a second run
// keeps what was changed, and removes nothing; a run that was cut short is repeated from the start.
func TestSeedCommandRuns(t *testing.T) {
	source, volume := filepath.Join(t.TempDir(), "it's $HOME; a `source`"), t.TempDir()
	write := func(file, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(source, ".hidden"), "h")
	write(filepath.Join(source, "sub dir", "f"), "shipped")
	write(filepath.Join(volume, ".t", "leftover"), "x")
	argv := Mount{Path: source, Kind: Seeded}.SeedCommand(volume)
	run := func() {
		t.Helper()
		if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", argv, err, out)
		}
	}
	expect := func(name, want string) {
		t.Helper()
		got, err := os.ReadFile(filepath.Join(volume, SeedSubPath, name))
		if err != nil || string(got) != want {
			t.Errorf("%s = %q, %v; want %q", name, got, err, want)
		}
	}
	run()
	expect(".hidden", "h")
	expect("sub dir/f", "shipped")
	if _, err := os.Stat(filepath.Join(volume, SeedSubPath, "leftover")); err == nil {
		t.Error("the half-made copy of an earlier run was kept")
	}
	write(filepath.Join(volume, SeedSubPath, "sub dir", "f"), "changed")
	run()
	expect("sub dir/f", "changed")
}

// TestPartialSeedRuns runs the command of a partial seed with a cp that complains: of what may not be read or made, which
// is left out, and of anything else, which makes the seed fail and leaves no folder that looks complete.
func TestPartialSeedRuns(t *testing.T) {
	cp, err := exec.LookPath("cp")
	if err != nil {
		t.Fatal(err)
	}
	for said, ok := range map[string]bool{
		"cp: cannot open 'a b': Permission denied\\ncp: cannot access '/x': Permission denied\\n":            true,
		"cp: cannot create special file '/seed/.t/./dev/null': Operation not permitted\\n":                   true,
		"cp: can't create '/seed/.t/./dev/null': Operation not permitted\\n":                                 true,
		"cp: cannot open 'a b': Permission denied\\ncp: error writing '/seed/x': No space left on device\\n": false,
	} {
		source, volume, bin := t.TempDir(), t.TempDir(), t.TempDir()
		if err := os.WriteFile(filepath.Join(source, "f"), []byte("shipped"), 0o600); err != nil {
			t.Fatal(err)
		}
		script := "#!/bin/sh\n" + cp + " \"$@\"\nprintf \"" + said + "\" >&2\nexit 1\n"
		if err := os.WriteFile(filepath.Join(bin, "cp"), []byte(script), 0o755); err != nil { //nolint:gosec // it is a program
			t.Fatal(err)
		}
		argv := Mount{Path: source, Kind: Seeded, Partial: true}.SeedCommand(volume)
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		if (err == nil) != ok || !ok && !strings.Contains(string(out), "No space left") {
			t.Errorf("%q: %v: %s", said, err, out)
		}
		if _, err := os.Stat(filepath.Join(volume, SeedSubPath, "f")); (err == nil) != ok {
			t.Errorf("%q: the copy: %v", said, err)
		}
	}
}
