package profile

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestSeedCommandText(t *testing.T) {
	tests := []struct {
		mount Mount
		want  string
	}{
		{Mount{Path: "/data", Kind: Plain}, ""},
		{Mount{Path: "/data", Kind: Owned}, "sh|-c|[ -d /seed/d ] || mkdir /seed/d"},
		{Mount{Path: "/etc/app/", Kind: Seeded}, "sh|-c|[ -d /seed/d ] || { rm -rf /seed/.t && mkdir /seed/.t && " +
			"cp -R /etc/app/. /seed/.t/ && mv /seed/.t /seed/d; }"},
		{Mount{Path: "/it's here", Kind: Seeded}, "sh|-c|[ -d /seed/d ] || { rm -rf /seed/.t && mkdir /seed/.t && " +
			`cp -R '/it'\''s here/.' /seed/.t/ && mv /seed/.t /seed/d; }`},
	}
	for _, tt := range tests {
		if got := strings.Join(tt.mount.SeedCommand("/seed"), "|"); got != tt.want {
			t.Errorf("%s %s:\n got %s\nwant %s", tt.mount.Kind, tt.mount.Path, got, tt.want)
		}
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
