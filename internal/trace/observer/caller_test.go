package observer

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMagicLink(t *testing.T) {
	c := &caller{inner: 7}
	for p, want := range map[string][2]string{
		"/proc/self/fd/3": {"fd/3", ""}, "/proc/thread-self/fd/3/a/b": {"fd/3", "a/b"}, "/proc/7/fd/0": {"fd/0", ""},
		"//proc/self//cwd/x": {"cwd", "x"}, "/proc/self/root/etc": {"root", "etc"},
		"/dev/fd/12": {"fd/12", ""}, "/dev/stdout": {"fd/1", ""}, "/dev/stderr": {"fd/2", ""},
		// Not the caller's, or no such link.
		"/proc/8/fd/3": {}, "/proc/self/fd": {}, "/proc/self/fd/x": {}, "/proc/self/fd/-1": {}, "/proc/self/exe": {},
		"/proc/self": {}, "/proc": {}, "/dev/null": {}, "/dev": {}, "": {}, "proc/self/cwd": {}, "/": {}, "/home/self/fd/3": {},
	} {
		link, rest, ok := c.magicLink(p)
		if link != want[0] || rest != want[1] || ok != (want[0] != "") {
			t.Errorf("%q: %q, %q, %v", p, link, rest, ok)
		}
	}
}

const status = `Name:	my app
Umask:	0022
State:	S (sleeping)
Tgid:	12
Pid:	14
NStgid:	12	3
Uid:	1000	1001	1002	1003
Gid:	2000	2001	2002	2003
Groups:	5 6 
CapEff:	00000000a80425fb
`

func TestParseStatus(t *testing.T) {
	got, err := parseStatus([]byte(status))
	if err != nil {
		t.Fatal(err)
	}
	want := caller{
		pid: 12, inner: 3, command: "my app", uid: 1003, gid: 2003, groups: []uint32{5, 6}, caps: 0xa80425fb,
		uids: ids{1000, 1001, 1002, 1003}, gids: ids{2000, 2001, 2002, 2003},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(caller{}, ids{})); diff != "" {
		t.Error(diff)
	}
	if _, err := parseStatus([]byte("Name:\tx\n")); err == nil {
		t.Error("no error for a short status")
	}
}

func FuzzParseStatus(f *testing.F) {
	f.Add([]byte(status))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = parseStatus(b) })
}
