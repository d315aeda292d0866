package profile

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestUnion allows what both profiles allow.
func TestUnion(t *testing.T) {
	a := Profile{
		User: User{UID: 5, GID: 6, Groups: []int64{9}}, LowPorts: true, Env: map[string]string{"HOME": "/a"}, WorkingDir: "/w", AddCapabilities: []string{"KILL"},
		Mounts: []Mount{{Path: "/both", Kind: Owned, Private: true}, {Path: "/one", Kind: Plain, SizeLimit: 1}},
	}
	b := Profile{
		User: User{UID: 5, GID: 6, Groups: []int64{7}}, Ping: true, Env: map[string]string{"HOME": "/b", "X": "y"}, FSGroup: 3, WritableRoot: true,
		AddCapabilities: []string{"CHOWN"}, Mounts: []Mount{{Path: "/both", Kind: Seeded, Rewritable: true}, {Path: "/one", Kind: Plain, Medium: Memory, SizeLimit: 2}, {Path: "/two", Kind: Plain}},
		AllowPrivilegeEscalation: true, Seeding: Seeding{Image: "busybox"},
	}
	before := a.WithEnv("HOME", "/a")
	want := Profile{
		User: User{UID: 5, GID: 6, Groups: []int64{7, 9}}, LowPorts: true, Ping: true, Env: map[string]string{"HOME": "/a", "X": "y"}, WorkingDir: "/w",
		AddCapabilities: []string{"CHOWN", "KILL"}, FSGroup: 3, WritableRoot: true, AllowPrivilegeEscalation: true, Seeding: Seeding{Image: "busybox"},
		Mounts: []Mount{
			{Path: "/both", Kind: Seeded, Private: true, Rewritable: true}, {Path: "/one", Kind: Plain, Medium: Memory, SizeLimit: 2}, {Path: "/two", Kind: Plain},
		},
	}
	if d := cmp.Diff(want, a.Union(b)); d != "" {
		t.Error(d)
	}
	if !a.Equal(before) {
		t.Error("the union changed its first profile")
	}
	if both := a.Union(b); !a.Leq(both) && slices.Equal(a.User.Groups, both.User.Groups) || !cmp.Equal(a.Union(a), a) {
		t.Error("the union is not above its parts")
	}
}
