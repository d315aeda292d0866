package observer

import (
	"bytes"
	"testing"

	"github.com/podseal/podseal/internal/trace/wire"
)

func TestTaken(t *testing.T) {
	able := &caller{caps: 1<<capSetUID | 1<<capSetGID}
	bound := &caller{uid: 20, gid: 40, uids: ids{10, 20, 30, 20}, gids: ids{1, 40, 3, 40}}
	for _, c := range []struct {
		name     string
		c        *caller
		args     [3]uint32
		uid, gid uint32
		allowed  bool
	}{
		{"setuid", able, [3]uint32{5}, 5, 0, true},
		{"setuid32", able, [3]uint32{5}, 5, 0, true},
		{"setuid", bound, [3]uint32{5}, 5, 40, false},
		{"setuid", bound, [3]uint32{30}, 30, 40, true},
		{"setreuid", able, [3]uint32{keep, 5}, 5, 0, true},
		{"setreuid", bound, [3]uint32{10, keep}, 20, 40, true},
		{"setresuid", able, [3]uint32{5, 6, 7}, 6, 0, true},
		{"setresuid", bound, [3]uint32{keep, keep, 7}, 20, 40, true},
		{"setfsuid", able, [3]uint32{5}, 5, 0, true},
		{"setfsuid", bound, [3]uint32{keep}, 20, 40, true},
		{"setgid", able, [3]uint32{5}, 0, 5, true},
		{"setgid", bound, [3]uint32{5}, 20, 5, false},
		{"setregid32", able, [3]uint32{4, 5}, 0, 5, true},
		{"setresgid", bound, [3]uint32{1, 3, 3}, 20, 3, true},
		{"setfsgid", able, [3]uint32{5}, 0, 5, true},
		{"capset", able, [3]uint32{5}, 0, 0, false},
	} {
		id, allowed := c.c.taken(c.name, c.args)
		if id.uid != c.uid || id.gid != c.gid || allowed != c.allowed {
			t.Errorf("%s%v: %d:%d, %v, want %d:%d, %v", c.name, c.args, id.uid, id.gid, allowed, c.uid, c.gid, c.allowed)
		}
	}
}

func TestIdentitiesAreBounded(t *testing.T) {
	var out bytes.Buffer
	tb := newTable(&out)
	const n = 5000
	for i := range uint32(n) {
		tb.identity(&caller{command: "x"}, identity{uid: i, gid: 1, groups: make([]uint32, 1000)})
		tb.identity(&caller{command: "x"}, identity{uid: i, gid: 1, groups: make([]uint32, 1000)})
	}
	tb.note(wire.KindEnd, "")
	if len(tb.known) != wire.MaxIdentities || tb.lost != 2*(n-wire.MaxIdentities) {
		t.Errorf("%d are kept, %d lost", len(tb.known), tb.lost)
	}
	if got := replay(&out).Status().Identities; len(got) != wire.MaxIdentities || len(got[0].Groups) != maxGroups {
		t.Errorf("%d are received, the first one with %d groups", len(got), len(got[0].Groups))
	}
}
