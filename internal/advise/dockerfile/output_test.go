package dockerfile

import (
	"testing"
	"testing/fstest"

	"github.com/podseal/podseal/internal/image"
)

func TestEchoAndPrintf(t *testing.T) {
	tests := []struct {
		words []string
		want  string
		known bool
	}{
		{[]string{"echo"}, "\n", true},
		{[]string{"echo", "-n"}, "", true},
		{[]string{"echo", `a\tb`, "c"}, `a\tb c` + "\n", true},
		{[]string{"echo", "-e", `a\tb`}, "a\tb\n", true},
		{[]string{"echo", "-e", "-n", `a\n`}, "a\n", true},
		{[]string{"echo", "-n", "-e", `a\n`}, "a\n", true},
		{[]string{"echo", "-ne", `a\n`}, "a\n", true},
		{[]string{"echo", "-en", `a\n`}, "a\n", true},
		{[]string{"echo", "-x"}, "-x\n", true},
		{[]string{"echo", "$A"}, "$A\n", false},
		{[]string{"printf"}, "", false},
		{[]string{"printf", `a\n`}, "a\n", true},
		{[]string{"printf", `%s\n`, "a"}, "a\n", true},
		{[]string{"printf", `%s:%d\n`, "a", "1", "b", "2"}, "a:1\nb:2\n", true},
		{[]string{"printf", `%s:%d\n`, "a"}, "a:\n", true},
		{[]string{"printf", "x", "a"}, "x", true},
		{[]string{"printf", "50%%, 100%"}, "50%, 100%", true},
		{[]string{"printf", "%x", "1"}, "", false},
		{[]string{"printf", "%s", "$A"}, "$A", false},
	}
	for _, tt := range tests {
		format := map[string]func([]string) (string, bool){"echo": echo, "printf": printf}[tt.words[0]]
		if got, known := format(tt.words[1:]); got != tt.want || known != tt.known {
			t.Errorf("%q: %q %v, want %q %v", tt.words, got, known, tt.want, tt.known)
		}
	}
}

// The tree of a Dockerfile lists what commands write and what the build context brings below a folder.
func TestListOfFiles(t *testing.T) {
	s := &state{
		files:  map[string]file{"/etc/a/x.conf": {text: "x"}, "/opt/y": {text: "y"}},
		copies: []copied{{sources: []string{"conf"}, to: "/etc/a"}, {sources: []string{"."}, to: "/all"}},
	}
	tree := stateTree{s, fstest.MapFS{"conf/x.conf": {}, "conf/z.conf": {}}}
	tests := []struct {
		dir   string
		limit int
		want  []string
		more  bool
	}{
		{"/etc/a", 9, []string{"/etc/a/x.conf", "/etc/a/z.conf"}, false},
		{"/etc/a", 3, []string{"/etc/a/x.conf", "/etc/a/z.conf"}, false},
		{"/etc/a", 1, []string{"/etc/a/x.conf"}, true},
		{"/all", 9, []string{"/all/conf/x.conf", "/all/conf/z.conf"}, false},
		{"/opt", 9, []string{"/opt/y"}, false},
		{"/none", 9, nil, false},
	}
	for _, tt := range tests {
		got, more, err := tree.List(t.Context(), tt.dir, tt.limit)
		if err != nil || more != tt.more || len(got) != len(tt.want) {
			t.Errorf("%s, at most %d: %v %v (%v), want %v", tt.dir, tt.limit, got, more, err, tt.want)
			continue
		}
		for i, e := range got {
			if e.Path != tt.want[i] || e.Kind != image.File {
				t.Errorf("%s, at most %d: %+v, want %s", tt.dir, tt.limit, e, tt.want[i])
			}
		}
	}
}

func TestNamesOfWindowsShells(t *testing.T) {
	for name, want := range map[string]bool{
		"powershell": true, "cmd": true, `C:\Windows\System32\CMD.EXE`: true, "PowerShell.exe": true, "/bin/sh": false, "bash": false,
	} {
		if got := windowsShell(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestLowPorts(t *testing.T) {
	for port, want := range map[string]bool{
		"0": false, "1": true, "80": true, "1023": true, "1024": false, "8080": false, "-5": false, "http": false, "80-90/udp": true, "": false,
	} {
		if f, got := portFinding(port, "", 1); got != want {
			t.Errorf("%s: %v %+v", port, got, f)
		}
	}
}

func TestRecursiveOptions(t *testing.T) {
	for word, want := range map[string]bool{
		"-R": true, "-hR": true, "--recursive": true, "-h": false, "--fRom": false, "Root": false, "/R": false,
	} {
		if got := recursive(word); got != want {
			t.Errorf("%s: %v", word, got)
		}
	}
}
