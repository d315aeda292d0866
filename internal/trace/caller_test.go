package trace

import "testing"

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
