package enginetest

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
)

// errnoTexts are the texts of the C library.
var errnoTexts = map[string]string{
	"EROFS": "Read-only file system", "EACCES": "Permission denied", "EPERM": "Operation not permitted",
	"ENOENT": "No such file or directory", "EBUSY": "Device or resource busy", "EXDEV": "Invalid cross-device link",
	"EEXIST": "File exists", "EISDIR": "Is a directory", "ENOTDIR": "Not a directory",
}

// holds reports whether the condition of an operation holds.
func (a *application) holds(o operation) bool {
	_, exists := a.fs.nodes[a.fs.real(a.path(o.conditionAt), true)]
	switch o.condition {
	case "if-root":
		return a.who.uid == 0
	case "if-user":
		return a.who.uid != 0
	case "unless":
		return !exists
	case "if":
		return exists
	}
	return true
}

// perform executes one operation. It returns the error, empty where it succeeded, and the subject of the error: a path, a
// port, an account.
func (a *application) perform(o operation) (errno, subject string) {
	first := o.args[0]
	switch o.verb {
	case "listen":
		return a.listen(first)
	case "worker", "drop":
		return a.become(o), first
	case "need":
		return a.need(first), first
	case "account":
		if _, ok := a.e.users.ByUID(a.who.uid); !ok {
			return "getpwuid(): uid not found", first
		}
		return "", first
	case "exec":
		return a.execFile(first), first
	}
	p := a.fs.real(a.path(first), o.verb == "write" || o.verb == "temp" || o.verb == "chmod" || o.verb == "chown")
	subject = p
	if o.verb == "rename" {
		subject += " " + a.fs.real(a.path(o.args[1]), false)
	}
	return a.performFile(o, p), subject
}

// performFile executes an operation on a path.
func (a *application) performFile(o operation, p string) string {
	w, second := a.who, ""
	if len(o.args) > 1 {
		second = a.fs.real(a.path(o.args[1]), false)
	}
	switch o.verb {
	case "write":
		return a.record("open", p, "", false, a.fs.write(w, p))
	case "temp":
		errno := a.record("open", p, "", false, a.fs.write(w, p))
		if errno != "" {
			return errno
		}
		return a.record("unlink", p, "", false, a.fs.remove(w, p))
	case "mkdir":
		return a.mkdirAll(p)
	case "remove":
		call, dir := "unlink", a.fs.nodes[p].Kind == image.Dir
		if dir {
			call = "rmdir"
		}
		return a.record(call, p, "", dir, a.fs.remove(w, p))
	case "rename":
		dir := a.fs.nodes[p].Kind == image.Dir
		return a.record("rename", p, second, dir, a.fs.rename(w, p, second))
	case "link", "symlink":
		return a.record(o.verb, p, second, false, a.fs.create(w, second, image.Entry{Kind: image.Symlink, Mode: 0o777, Link: p}))
	case "chmod":
		return a.record("chmod", p, "", a.fs.nodes[p].Kind == image.Dir, a.fs.meta(w, p, "FOWNER", func(e *image.Entry) { e.Mode ^= 0o004 }))
	case "chown":
		var uid, gid int64
		_, _ = fmt.Sscanf(o.args[1], "%d:%d", &uid, &gid)
		return a.record("chown", p, "", a.fs.nodes[p].Kind == image.Dir, a.fs.meta(w, p, "CHOWN", func(e *image.Entry) { e.UID, e.GID = uid, gid }))
	}
	return a.inspect(o.verb, p)
}

// inspect executes an operation that changes nothing.
func (a *application) inspect(verb, p string) string {
	if errno := a.fs.reach(a.who, p); errno != "" {
		return errno
	}
	e, ok := a.fs.nodes[p]
	switch {
	case !ok:
		return "ENOENT"
	case verb == "owned" && e.UID != a.who.uid:
		return "wrong owner"
	case verb == "sticky" && (e.Mode&0o002 != 0 && e.Mode&fs.ModeSticky == 0 || a.fs.isReadOnly(p)):
		return "not sticky"
	case verb == "read" && !a.who.may(e, 4):
		return "EACCES"
	}
	return ""
}

// mkdirAll creates a directory and its missing parents.
func (a *application) mkdirAll(p string) string {
	if e, ok := a.fs.nodes[p]; ok && e.Kind == image.Dir {
		return ""
	}
	if parent := p[:strings.LastIndex(p, "/")]; parent != "" {
		if errno := a.mkdirAll(parent); errno != "" {
			return errno
		}
	}
	return a.record("mkdir", p, "", true, a.fs.create(a.who, p, image.Entry{Kind: image.Dir, Mode: 0o755}))
}

// listen listens on a port. The error of a refused port has no subject.
func (a *application) listen(port string) (errno, subject string) {
	n, err := strconv.Atoi(port)
	if err != nil {
		return "EINVAL", port
	}
	if n < 1024 && !a.p.Open && !a.p.LowPorts && !a.who.can("NET_BIND_SERVICE") {
		if a.e.Traced {
			a.denied = append(a.denied, n)
		}
		return "EACCES", ""
	}
	a.ports = append(a.ports, n)
	return "", ""
}

// become changes the user of the application, or starts a worker as another user. It has no effect for a user that is not
// root.
func (a *application) become(o operation) string {
	if a.who.uid != 0 {
		return ""
	}
	if !a.who.can("SETUID") || !a.who.can("SETGID") {
		return "EPERM"
	}
	next := identity{}
	_, _ = fmt.Sscanf(o.args[0], "%d:%d", &next.uid, &next.gid)
	if o.verb == "worker" {
		a.procs = append(a.procs, observe.Process{UID: next.uid, GID: next.gid, Command: o.args[1]})
		return ""
	}
	a.who = next
	return ""
}

// need returns EPERM where the container lacks something.
func (a *application) need(what string) string {
	ok := a.who.can(what)
	switch what {
	case "root":
		ok = a.who.uid == 0
	case "first-start":
		ok = !a.restarted
	case "luck-2", "luck-3":
		ok = a.id != "fake-"+strings.TrimPrefix(what, "luck-")
	case "escalation":
		ok = a.p.Open || a.p.AllowPrivilegeEscalation
	}
	if ok {
		return ""
	}
	return "EPERM"
}

// record records an attempt for the tracer. It returns the errno.
func (a *application) record(call, p, to string, dir bool, errno string) string {
	if !a.e.Traced {
		return errno
	}
	w := observe.Write{
		Path: p, Call: call, Phase: a.phase, Outcome: observe.Allowed, Dir: dir, To: to, Command: "app",
		UID: a.who.uid, GID: a.who.gid, Count: 1,
	}
	switch errno {
	case "":
	case "EROFS", "EACCES", "EPERM":
		w.Outcome, w.Errno = observe.Denied, errno
	default:
		w.Outcome, w.Errno = observe.Unknown, errno
	}
	a.writes = append(a.writes, w)
	return errno
}
