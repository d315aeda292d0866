package observer

import (
	"bytes"
	"strings"

	"github.com/podseal/podseal/internal/trace/wire"
)

// mountPoint is one line of a mountinfo table.
type mountPoint struct {
	path string
	ro   bool
}

// parseMounts reads a /proc/<pid>/mountinfo table, in its order: later mounts lie over earlier ones.
func parseMounts(b []byte) []mountPoint {
	var out []mountPoint
	for line := range bytes.Lines(b) {
		// id parent major:minor root mountpoint options [optional...] - type source superoptions
		before, after, ok := strings.Cut(strings.TrimSpace(string(line)), " - ")
		head, tail := strings.Fields(before), strings.Fields(after)
		if !ok || len(head) < 6 || len(tail) < 1 {
			continue
		}
		ro := hasOption(head[5], "ro") || len(tail) > 2 && hasOption(tail[len(tail)-1], "ro")
		out = append(out, mountPoint{path: unescape(head[4]), ro: ro})
	}
	return out
}

func hasOption(list, name string) bool {
	for o := range strings.SplitSeq(list, ",") {
		if o == name {
			return true
		}
	}
	return false
}

// unescape undoes the table's octal escapes of space, tab, newline and backslash.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && octal(s[i+1]) && octal(s[i+2]) && octal(s[i+3]) {
			b.WriteByte((s[i+1]-'0')<<6 | (s[i+2]-'0')<<3 | (s[i+3] - '0'))
			i += 3
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func octal(c byte) bool { return c >= '0' && c <= '7' }

// readOnlyAt reports whether the file system that holds a path is mounted read-only.
func readOnlyAt(mounts []mountPoint, p string) bool {
	best, ro := -1, false
	for _, m := range mounts {
		if len(m.path) >= best && within(p, m.path) {
			best, ro = len(m.path), m.ro
		}
	}
	return ro
}

// within reports whether a path is a folder or lies in it.
func within(p, folder string) bool {
	return folder == "/" || p == folder || strings.HasPrefix(p, folder+"/")
}

// pseudo reports whether a path lies where the engine mounts its own file systems. Writes there need no mount.
func pseudo(p string) bool {
	return within(p, "/proc") || within(p, "/sys") || within(p, "/dev") || within(p, wire.Mountpoint)
}
