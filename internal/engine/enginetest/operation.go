package enginetest

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/engine/enginetest/script"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
)

// perform executes one operation. It returns the error, empty where it succeeded, and the subject of the error: a path, a
// port, an account.
func (a *application) perform(o script.Operation) (errno, subject string) {
	if o.As != "" {
		user := a.who
		defer func() { a.who = user }()
		if errno := a.switchUser(o.As); errno != "" {
			return errno, o.As
		}
	}
	if errno, subject, ok := a.performProcess(o); ok {
		return errno, subject
	}
	p := a.fs.real(a.path(o.Arg()), slices.Contains([]string{"write", "temp", "once", "chmod", "chown"}, o.Verb))
	subject = p
	if o.Verb == "rename" {
		subject += " " + a.fs.real(a.path(o.Args[1]), false)
	}
	return a.performFile(o, p), subject
}

// performFile executes an operation on a path.
func (a *application) performFile(o script.Operation, p string) string {
	w, second := a.who, ""
	if len(o.Args) > 1 {
		second = a.fs.real(a.path(o.Args[1]), false)
	}
	switch o.Verb {
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
		return a.record(o.Verb, p, second, false, a.fs.create(w, second, image.Entry{Kind: image.Symlink, Mode: 0o777, Link: p}))
	case "chmod":
		return a.record("chmod", p, "", a.fs.nodes[p].Kind == image.Dir, a.fs.meta(w, p, "FOWNER", func(e *image.Entry) { e.Mode ^= 0o004 }))
	case "chown":
		to, _ := script.ParseUser(o.Args[1]) // the parser has checked it
		return a.record("chown", p, "", a.fs.nodes[p].Kind == image.Dir, a.fs.meta(w, p, "CHOWN", func(e *image.Entry) { e.UID, e.GID = to.UID, to.GID }))
	}
	return a.inspect(o.Verb, p)
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
		return script.WrongOwner
	case verb == "private" && e.Mode&0o077 != 0:
		return script.WrongMode
	case verb == "sticky" && (e.Mode&0o002 != 0 && e.Mode&fs.ModeSticky == 0 || a.fs.isReadOnly(p)):
		return script.NotSticky
	case verb == "read" && !a.who.may(e, 4):
		return "EACCES"
	case verb == "stat":
		mode := e.Mode.Perm()
		if e.Mode&fs.ModeSticky != 0 {
			mode |= 0o1000
		}
		fmt.Fprintf(&a.logs, "app: stat %s: %04o %d:%d\n", p, uint32(mode), e.UID, e.GID)
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
