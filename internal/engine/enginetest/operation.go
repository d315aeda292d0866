package enginetest

import (
	"io/fs"
	"slices"
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

// perform executes one operation. It returns the error, empty where it succeeded, and the subject of the error: a path, a
// port, an account.
func (a *application) perform(o operation) (errno, subject string) {
	if o.as != "" {
		user := a.who
		defer func() { a.who = user }()
		if errno := a.switchUser(o.as); errno != "" {
			return errno, o.as
		}
	}
	if errno, subject, ok := a.performProcess(o); ok {
		return errno, subject
	}
	p := a.fs.real(a.path(o.arg()), slices.Contains([]string{"write", "temp", "once", "chmod", "chown"}, o.verb))
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
	case "once":
		if _, ok := a.fs.nodes[p]; ok {
			return "EEXIST"
		}
		return a.record("open", p, "", false, a.fs.write(w, p))
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
		to, _ := parseUser(o.args[1]) // the parser has checked it
		return a.record("chown", p, "", a.fs.nodes[p].Kind == image.Dir, a.fs.meta(w, p, "CHOWN", func(e *image.Entry) { e.UID, e.GID = to.uid, to.gid }))
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
	case verb == "owned" && e.UID != a.who.uid, verb == "trusted" && e.UID != a.who.uid && e.UID != 0:
		return "wrong owner"
	case verb == "private" && e.Mode&0o077 != 0:
		return "wrong mode"
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

// record records an attempt for the tracer. It returns the errno.
func (a *application) record(call, p, to string, dir bool, errno string) string {
	if !a.traced {
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
