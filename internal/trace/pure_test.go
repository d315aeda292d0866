package trace

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/podseal/podseal/internal/observe"
)

const procNetTCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0B00007F:A1B2 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0 100 0 0 10 0
   2: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3 1 0 100 0 0 10 0
   3: 0100007F:1F91 0100007F:0050 01 00000000:00000000 00:00000000 00000000     0        0 4 1 0 100 0 0 10 0
   4: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 5
`

func TestParseListening(t *testing.T) {
	if got := ParseListening([]byte(procNetTCP)); !slices.Equal(got, []int{80, 8080}) {
		t.Errorf("ports %v", got)
	}
}

func FuzzParseListening(f *testing.F) {
	f.Add([]byte(procNetTCP))
	f.Add([]byte("0: :0 x 0A"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, p := range ParseListening(b) {
			if p < 1 || p > 65535 {
				t.Errorf("port %d", p)
			}
		}
	})
}

const mountinfo = `1 0 0:1 / / ro,relatime - overlay overlay rw,lowerdir=/x
2 1 0:2 / /data rw,nosuid - tmpfs tmpfs rw
3 1 8:1 /f /etc/hosts ro - ext4 /dev/sda rw
4 1 0:3 / /with\040space rw - tmpfs tmpfs ro,size=1k
5 2 0:4 / /data/deep ro shared:1 master:2 - tmpfs tmpfs rw
a broken line
`

func TestReadOnlyAt(t *testing.T) {
	m := parseMounts([]byte(mountinfo))
	for p, want := range map[string]bool{
		"/": true, "/x": true, "/data": false, "/data/x": false, "/database": true, "/etc/hosts": true,
		"/with space/x": true, "/data/deep/x": true, "/data/deeper": false,
	} {
		if got := readOnlyAt(m, p); got != want {
			t.Errorf("%s: %v", p, got)
		}
	}
}

func FuzzParseMounts(f *testing.F) {
	f.Add([]byte(mountinfo))
	f.Fuzz(func(_ *testing.T, b []byte) { readOnlyAt(parseMounts(b), "/x") })
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

// A storm of events with ever new names, folders and processes stays small, and what is lost is counted.
func TestTableIsBounded(t *testing.T) {
	var out bytes.Buffer
	tb := newTable(&out)
	const n = 1_000_000
	for i := range n {
		c := &caller{pid: i, command: "storm"}
		w := observe.Write{Path: fmt.Sprintf("/tmp/d%d/f%d", i%5000, i), Call: "open", Outcome: observe.Allowed}
		tb.add(c, w)
	}
	tb.flush()
	if len(tb.keys) > maxKeys || len(tb.names) > maxKeys {
		t.Errorf("%d keys, %d names", len(tb.keys), len(tb.names))
	}
	total := 0
	counts := map[int]int{}
	for line := range bytes.Lines(out.Bytes()) {
		var m message
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatal(err)
		}
		if m.Write != nil {
			counts[m.Key] = m.Write.Count
		}
		for _, c := range m.Counts {
			counts[c[0]] += c[1]
		}
	}
	for _, c := range counts {
		total += c
	}
	if total+tb.lost != n || tb.lost == 0 {
		t.Errorf("%d counted and %d lost of %d", total, tb.lost, n)
	}
}

func TestTableFoldsNames(t *testing.T) {
	var out bytes.Buffer
	tb := newTable(&out)
	for i := range 1000 {
		tb.add(&caller{command: "a"}, observe.Write{Path: fmt.Sprintf("/tmp/x%d", i), To: fmt.Sprintf("/d/y%d", i), Call: "rename"})
	}
	tb.add(&caller{command: "b"}, observe.Write{Path: "/tmp/other", Call: "open"})
	if len(tb.keys) != maxNames+2 {
		t.Errorf("%d writes", len(tb.keys))
	}
	if !strings.Contains(out.String(), `"path":"/tmp/*"`) || !strings.Contains(out.String(), `"to":"/d/*"`) {
		t.Error("no folded write was told")
	}
}

// The host's disappearance does not stop the observer.
func TestTableSurvivesItsHost(t *testing.T) {
	tb := newTable(broken{})
	for range 3 {
		tb.add(&caller{}, observe.Write{Path: "/x"})
	}
	tb.flush()
	if len(tb.keys) != 1 {
		t.Errorf("%d kinds of writes are counted, want 1", len(tb.keys))
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, fmt.Errorf("closed") }
