package image

import (
	"strconv"
	"strings"
)

// Account is one line of /etc/passwd.
type Account struct {
	Name  string
	UID   int64
	GID   int64
	Home  string
	Shell string
}

// Group is one line of /etc/group.
type Group struct {
	Name    string
	GID     int64
	Members []string
}

// ParsePasswd reads the accounts of an /etc/passwd, in its order. Lines without a name and a numeric uid (comments, NIS
// lines, damage) are left out; a missing or broken gid is 0, as runc reads it.
func ParsePasswd(data []byte) []Account {
	var out []Account
	for line := range strings.Lines(string(data)) {
		f := fields(line, 7)
		uid, ok := parseID(f[2])
		if !named(f[0]) || !ok {
			continue
		}
		gid, _ := parseID(f[3])
		out = append(out, Account{Name: f[0], UID: uid, GID: gid, Home: f[5], Shell: f[6]})
	}
	return out
}

// ParseGroup reads the groups of an /etc/group, in its order. Lines without a name and a numeric gid are left out.
func ParseGroup(data []byte) []Group {
	var out []Group
	for line := range strings.Lines(string(data)) {
		f := fields(line, 4)
		gid, ok := parseID(f[2])
		if !named(f[0]) || !ok {
			continue
		}
		g := Group{Name: f[0], GID: gid}
		for m := range strings.SplitSeq(f[3], ",") {
			if m = strings.TrimSpace(m); m != "" {
				g.Members = append(g.Members, m)
			}
		}
		out = append(out, g)
	}
	return out
}

// fields splits a line at its colons into at least n fields, the missing ones empty.
func fields(line string, n int) []string {
	f := strings.Split(strings.TrimSpace(line), ":")
	for len(f) < n {
		f = append(f, "")
	}
	return f
}

func named(name string) bool { return name != "" && !strings.HasPrefix(name, "#") }

// maxID is the largest uid or gid that runc and the kubelet accept in a USER or a runAsUser.
const maxID = 1<<31 - 1

// parseID reads a uid or gid of an account file. Larger ids than maxID are kept: files hold them (nfsnobody).
func parseID(s string) (int64, bool) {
	id, err := strconv.ParseUint(strings.TrimSpace(s), 10, 32)
	return int64(id), err == nil
}
