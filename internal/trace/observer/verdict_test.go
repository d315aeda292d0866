package observer

import (
	"testing"
)

var (
	root     = &caller{caps: 0xa80425fb}
	bareRoot = &caller{}
	user     = &caller{uid: 1000, gid: 1000, groups: []uint32{50}}
)

func dirOf(mode uint32, uid, gid uint32) meta  { return meta{modeDir | mode, uid, gid} }
func fileOf(mode uint32, uid, gid uint32) meta { return meta{modeFile | mode, uid, gid} }

func TestMay(t *testing.T) {
	for _, c := range []struct {
		c    *caller
		m    meta
		want uint32
		ok   bool
	}{
		{user, dirOf(0o755, 0, 0), wantWrite, false},
		{user, dirOf(0o755, 0, 0), wantExec, true},
		{user, dirOf(0o777, 0, 0), wantWrite | wantExec, true},
		{user, dirOf(0o700, 1000, 0), wantWrite | wantExec, true},
		{user, dirOf(0o077, 1000, 0), wantWrite, false}, // the owner's bits count for the owner
		{user, dirOf(0o770, 0, 50), wantWrite, true},
		{user, dirOf(0o707, 0, 50), wantWrite, false},
		{user, dirOf(0o770, 0, 51), wantWrite, false},
		{root, dirOf(0o000, 1000, 0), wantWrite | wantExec, true},
		{bareRoot, dirOf(0o700, 1000, 0), wantExec, false},
		{root, fileOf(0o000, 1000, 0), wantWrite, true},
	} {
		if got := c.c.may(c.m, c.want); got != c.ok {
			t.Errorf("%+v may %d on %o of %d:%d: %v", c.c, c.want, c.m.mode, c.m.uid, c.m.gid, got)
		}
	}
}

func TestJudge(t *testing.T) {
	create := openFlags{create: true, write: true}
	open := place{parent: dirOf(0o777, 0, 0), chain: []meta{dirOf(0o755, 0, 0), dirOf(0o777, 0, 0)}}
	closed := place{parent: dirOf(0o755, 0, 0), chain: []meta{dirOf(0o755, 0, 0)}}
	with := func(p place, change func(*place)) place { change(&p); return p }
	file := func(m meta) func(*place) { return func(p *place) { p.exists, p.target = true, m } }
	ro := func(p *place) { p.ro, p.targetRO = true, true }
	roFile := func(m meta) func(*place) { return func(p *place) { file(m)(p); ro(p) } }
	mine, others := fileOf(0o644, 1000, 1000), fileOf(0o644, 0, 0)
	sticky := place{parent: dirOf(0o1777, 0, 0)}
	for _, c := range []struct {
		name string
		got  verdict
		want string
	}{
		{"open new", judgeOpen(user, open, create), "allowed "},
		{"open new, closed folder", judgeOpen(user, closed, create), "denied EACCES"},
		{"open new, closed folder, root", judgeOpen(root, closed, create), "allowed "},
		{"open new, read-only", judgeOpen(root, with(open, ro), create), "denied EROFS"},
		{"open missing", judgeOpen(user, open, openFlags{write: true}), "unknown ENOENT"},
		{"open missing, read-only", judgeOpen(user, with(open, ro), openFlags{write: true}), "unknown ENOENT"},
		{"open mine", judgeOpen(user, with(closed, file(mine)), create), "allowed "},
		{"open mine, read-only", judgeOpen(user, with(closed, roFile(mine)), create), "denied EROFS"},
		{"open other's", judgeOpen(user, with(open, file(others)), create), "denied EACCES"},
		{"open other's, read-only", judgeOpen(user, with(open, roFile(others)), create), "denied EACCES"},
		{"open a folder", judgeOpen(user, with(open, file(dirOf(0o777, 0, 0))), create), "unknown EISDIR"},
		{"open exclusively", judgeOpen(user, with(open, file(mine)), openFlags{create: true, exclusive: true, write: true}), "unknown EEXIST"},
		{"open below what cannot be searched", judgeOpen(user, with(open, func(p *place) { p.chain = []meta{dirOf(0o700, 0, 0)} }), create), "denied EACCES"},
		{"open below what is missing", judgeOpen(user, with(open, func(p *place) { p.err = "ENOENT" }), create), "unknown ENOENT"},
		{"unnamed file", judgeOpen(user, with(open, file(dirOf(0o777, 0, 0))), openFlags{write: true, tmpfile: true}), "allowed "},
		{"unnamed file, closed", judgeOpen(user, with(open, file(dirOf(0o755, 0, 0))), openFlags{write: true, tmpfile: true}), "denied EACCES"},
		{"mkdir", judgeCreate(user, open, "EEXIST", false), "allowed "},
		{"mkdir existing", judgeCreate(user, with(open, file(mine)), "EEXIST", false), "unknown EEXIST"},
		{"mkdir existing, read-only", judgeCreate(user, with(open, roFile(mine)), "EEXIST", false), "unknown EEXIST"},
		{"mknod device", judgeCreate(user, open, "EEXIST", true), "denied EPERM"},
		{"unlink missing", judgeRemove(user, open, false), "unknown ENOENT"},
		{"unlink missing, read-only", judgeRemove(user, with(open, ro), false), "denied EROFS"},
		{"unlink mine, sticky", judgeRemove(user, with(sticky, file(mine)), false), "allowed "},
		{"unlink other's, sticky", judgeRemove(user, with(sticky, file(others)), false), "denied EPERM"},
		{"unlink other's, sticky, root", judgeRemove(root, with(sticky, file(mine)), false), "allowed "},
		{"rename", judgeRename(user, with(open, file(mine)), open), "allowed "},
		{"rename into closed", judgeRename(user, with(open, file(mine)), closed), "denied EACCES"},
		{"rename into read-only", judgeRename(user, with(open, file(mine)), with(open, ro)), "denied EROFS"},
		{"chmod mine", judgeMeta(user, with(closed, file(mine)), metaKind{}), "allowed "},
		{"chmod other's", judgeMeta(user, with(open, file(others)), metaKind{}), "denied EPERM"},
		{"chmod other's, root", judgeMeta(root, with(open, file(mine)), metaKind{}), "allowed "},
		{"chmod other's, root without capabilities", judgeMeta(bareRoot, with(open, file(mine)), metaKind{}), "denied EPERM"},
		{"chmod, read-only", judgeMeta(user, with(open, roFile(mine)), metaKind{}), "denied EROFS"},
		{"touch other's that is writable", judgeMeta(user, with(open, file(fileOf(0o666, 0, 0))), metaKind{now: true}), "allowed "},
		{"touch other's", judgeMeta(user, with(open, file(others)), metaKind{now: true}), "denied EACCES"},
		{"chown to own group", judgeMeta(user, with(open, file(mine)), metaKind{owner: true, uid: keep, gid: 50}), "allowed "},
		{"chown to other group", judgeMeta(user, with(open, file(mine)), metaKind{owner: true, uid: keep, gid: 51}), "denied EPERM"},
		{"chown to other user", judgeMeta(user, with(open, file(mine)), metaKind{owner: true, uid: 1, gid: keep}), "denied EPERM"},
		{"chown by root", judgeMeta(root, with(open, file(mine)), metaKind{owner: true, uid: 1, gid: 1}), "allowed "},
		{"truncate", judgeTruncate(user, with(open, file(mine))), "allowed "},
		{"truncate other's", judgeTruncate(user, with(open, file(others))), "denied EACCES"},
		{"link", judgeLink(user, with(closed, file(mine)), open), "allowed "},
		{"link to nothing", judgeLink(user, closed, open), "unknown ENOENT"},
		{"low port", judgePort(user, 80, 1024), "denied EACCES"},
		{"low port, root", judgePort(root, 80, 1024), "allowed "},
		{"low port that is free", judgePort(user, 80, 0), "allowed "},
	} {
		if got := string(c.got.outcome) + " " + c.got.errno; got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
