package seal_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
)

// op is one line of a fake application's script:
//
//	PHASE [after DURATION] [if-root|if-user|unless PATH|if PATH] VERB ARGUMENTS [MODE...]
//
// PHASE is start, e2e (once for each run of the e2e command), probe (once for each try) or stop; a start operation "after 20s" comes that much
// later. Paths that do not start with / are relative to the working directory; $HOME and $TMPDIR are replaced.
//
//	write temp(write and remove) mkdir(with parents) remove chmod read sticky(a world-writable folder must be) owned PATH
//	rename link symlink A B          chown PATH UID:GID
//	listen PORT                      worker UID:GID NAME
//	drop UID:GID (root only)         need root|escalation|first-start|luck-N|CAPABILITY
//	account uid (it has to have one)
//	exec PATH (a file capability counts; the engine's failure)
//
// What a refusal does: it ends the application with a line in the logs (no mode); "tolerated": nothing; "fails": only the
// e2e command fails. "silent": no line; "terse": a line without the path.
type op struct {
	phase  string
	after  time.Duration
	when   string
	whenAt string
	verb   string
	args   []string
	modes  []string
}

var arity = map[string]int{
	"write": 1, "temp": 1, "mkdir": 1, "remove": 1, "chmod": 1, "read": 1, "sticky": 1, "owned": 1, "rename": 2, "link": 2,
	"symlink": 2, "chown": 2, "listen": 1, "worker": 2, "drop": 1, "need": 1, "exec": 1, "account": 1,
}

func parseScript(t *testing.T, text string) []op {
	t.Helper()
	var out []op
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 || strings.HasPrefix(f[0], "#") {
			continue
		}
		o := op{phase: f[0]}
		f = f[1:]
		if f[0] == "after" {
			d, err := time.ParseDuration(f[1])
			if err != nil {
				t.Fatal(err)
			}
			o.after, f = d, f[2:]
		}
		switch f[0] {
		case "if-root", "if-user":
			o.when, f = f[0], f[1:]
		case "unless", "if":
			o.when, o.whenAt, f = f[0], f[1], f[2:]
		}
		n, ok := arity[f[0]]
		if !ok || len(f) < n+1 {
			t.Fatalf("script line %q", line)
		}
		o.verb, o.args, o.modes = f[0], f[1:n+1], f[n+1:]
		out = append(out, o)
	}
	return out
}

func (o op) is(mode string) bool { return slices.Contains(o.modes, mode) }

var errnoText = map[string]string{
	"EROFS": "Read-only file system", "EACCES": "Permission denied", "EPERM": "Operation not permitted",
	"ENOENT": "No such file or directory", "EBUSY": "Device or resource busy", "EXDEV": "Invalid cross-device link",
	"EEXIST": "File exists", "EISDIR": "Is a directory", "ENOTDIR": "Not a directory",
}

// holds tells whether an operation's condition holds.
func (c *container) holds(o op) bool {
	_, there := c.fs.nodes[c.fs.real(c.path(o.whenAt), true)]
	switch o.when {
	case "if-root":
		return c.who.uid == 0
	case "if-user":
		return c.who.uid != 0
	case "unless":
		return !there
	case "if":
		return there
	}
	return true
}

// perform does one operation; what is the path (or port) that an error is about.
func (c *container) perform(o op) (errno, what string) {
	a := o.args[0]
	switch o.verb {
	case "listen":
		return c.listen(a)
	case "worker", "drop":
		return c.become(o), a
	case "need":
		return c.need(a), a
	case "account":
		if _, ok := c.e.users.ByUID(c.who.uid); !ok {
			return "getpwuid(): uid not found", a
		}
		return "", a
	case "exec":
		return c.execFile(a), a
	}
	p := c.fs.real(c.path(a), o.verb == "write" || o.verb == "temp" || o.verb == "chmod" || o.verb == "chown")
	what = p
	if o.verb == "rename" {
		what += " " + c.fs.real(c.path(o.args[1]), false)
	}
	return c.performFile(o, p), what
}

func (c *container) performFile(o op, p string) string {
	w, second := c.who, ""
	if len(o.args) > 1 {
		second = c.fs.real(c.path(o.args[1]), false)
	}
	switch o.verb {
	case "write":
		return c.record("open", p, "", false, c.fs.write(w, p))
	case "temp":
		errno := c.record("open", p, "", false, c.fs.write(w, p))
		if errno != "" {
			return errno
		}
		return c.record("unlink", p, "", false, c.fs.remove(w, p))
	case "mkdir":
		return c.mkdirAll(p)
	case "remove":
		call, dir := "unlink", c.fs.nodes[p].Kind == image.Dir
		if dir {
			call = "rmdir"
		}
		return c.record(call, p, "", dir, c.fs.remove(w, p))
	case "rename":
		dir := c.fs.nodes[p].Kind == image.Dir
		return c.record("rename", p, second, dir, c.fs.rename(w, p, second))
	case "link", "symlink":
		return c.record(o.verb, p, second, false, c.fs.create(w, second, image.Entry{Kind: image.Symlink, Mode: 0o777, Link: p}))
	case "chmod":
		return c.record("chmod", p, "", c.fs.nodes[p].Kind == image.Dir, c.fs.meta(w, p, "FOWNER", func(e *image.Entry) { e.Mode ^= 0o004 }))
	case "chown":
		var uid, gid int64
		_, _ = fmt.Sscanf(o.args[1], "%d:%d", &uid, &gid)
		return c.record("chown", p, "", c.fs.nodes[p].Kind == image.Dir, c.fs.meta(w, p, "CHOWN", func(e *image.Entry) { e.UID, e.GID = uid, gid }))
	}
	return c.inspect(o.verb, p)
}

// inspect are the operations that only look.
func (c *container) inspect(verb, p string) string {
	if errno := c.fs.reach(c.who, p); errno != "" {
		return errno
	}
	e, ok := c.fs.nodes[p]
	switch {
	case !ok:
		return "ENOENT"
	case verb == "owned" && e.UID != c.who.uid:
		return "wrong owner"
	case verb == "sticky" && (e.Mode&0o002 != 0 && e.Mode&stickyBit == 0 || c.fs.isReadOnly(p)):
		return "not sticky"
	case verb == "read" && !c.who.may(e, 4):
		return "EACCES"
	}
	return ""
}

func (c *container) mkdirAll(p string) string {
	if e, ok := c.fs.nodes[p]; ok && e.Kind == image.Dir {
		return ""
	}
	if parent := p[:strings.LastIndex(p, "/")]; parent != "" {
		if errno := c.mkdirAll(parent); errno != "" {
			return errno
		}
	}
	return c.record("mkdir", p, "", true, c.fs.create(c.who, p, image.Entry{Kind: image.Dir, Mode: 0o755}))
}

func (c *container) listen(port string) (errno, what string) {
	n, err := strconv.Atoi(port)
	if err != nil {
		return "EINVAL", port
	}
	if n < 1024 && !c.p.Open && !c.p.LowPorts && !c.who.can("NET_BIND_SERVICE") {
		if c.e.traced {
			c.denied = append(c.denied, n)
		}
		return "EACCES", ""
	}
	c.ports = append(c.ports, n)
	return "", ""
}

// become changes the user: all of the application's, or that of a worker beside it.
func (c *container) become(o op) string {
	if c.who.uid != 0 {
		return ""
	}
	if !c.who.can("SETUID") || !c.who.can("SETGID") {
		return "EPERM"
	}
	next := who{}
	_, _ = fmt.Sscanf(o.args[0], "%d:%d", &next.uid, &next.gid)
	if o.verb == "worker" {
		c.procs = append(c.procs, observe.Process{UID: next.uid, GID: next.gid, Command: o.args[1]})
		return ""
	}
	c.who = next
	return ""
}

func (c *container) need(what string) string {
	ok := c.who.can(what)
	switch what {
	case "root":
		ok = c.who.uid == 0
	case "first-start": // of this container
		ok = !c.again
	case "luck-2", "luck-3": // which the run of that number does not have
		ok = c.id != "fake-"+strings.TrimPrefix(what, "luck-")
	case "escalation":
		ok = c.p.Open || c.p.AllowPrivilegeEscalation
	}
	if ok {
		return ""
	}
	return "EPERM"
}

// record notes an attempt for the tracer.
func (c *container) record(call, p, to string, dir bool, errno string) string {
	if !c.e.traced {
		return errno
	}
	w := observe.Write{
		Path: p, Call: call, Phase: c.phase, Outcome: observe.Allowed, Dir: dir, To: to, Command: "app",
		UID: c.who.uid, GID: c.who.gid, Count: 1,
	}
	switch errno {
	case "":
	case "EROFS", "EACCES", "EPERM":
		w.Outcome, w.Errno = observe.Denied, errno
	default:
		w.Outcome, w.Errno = observe.Unknown, errno
	}
	c.writes = append(c.writes, w)
	return errno
}
