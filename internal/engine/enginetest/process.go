package enginetest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/podseal/podseal/internal/engine/enginetest/script"
	"github.com/podseal/podseal/internal/observe"
)

// performProcess executes an operation that is not about a file. It returns false in ok for one that is.
func (a *application) performProcess(o script.Operation) (errno, subject string, ok bool) {
	switch first := o.Arg(); o.Verb {
	case "listen":
		errno, subject = a.listen(first)
	case "connect":
		a.connections = observe.MergeConnections(a.connections, []observe.Connection{a.who.connection(first, a.phase, a.traced)})
	case "worker", "drop":
		errno, subject = a.become(o), first
	case "need":
		errno, subject = a.need(first), first
	case "setuid":
		errno, subject = a.need("escalation"), first
		if a.traced { // the tracer sets no_new_privs, as a pod does
			errno, a.trace.Note = "EPERM", "the setuid program "+first+" ran"
		}
	case "lose-tracer":
		a.trace.Broken = a.traced
	case "account":
		subject = first
		if _, found := a.e.users.ByUID(a.who.uid); !found {
			errno = script.NoAccount
		}
	case "exec":
		errno, subject = a.execFile(first), first
	case "id":
		groups := slices.Sorted(slices.Values(append([]int64{a.who.gid}, a.who.groups...)))
		fmt.Fprintf(&a.logs, "app: id %d:%d %v\n", a.who.uid, a.who.gid, slices.Compact(groups))
	case "log":
		fmt.Fprintln(&a.logs, o.Text)
	case "fail":
		errno = script.Failed
	case "hang":
		a.hangs = true
	case "break-engine":
		a.broken = ErrBroken
	case "exit", "kill", "oom":
		a.end(exitOf(o))
	default:
		return "", "", false
	}
	return errno, subject, true
}

// exitOf returns how an application ends by one of the verbs exit, kill and oom.
func exitOf(o script.Operation) observe.Exit {
	if o.Verb == "exit" {
		code, _ := strconv.Atoi(o.Arg()) // the parser has checked it
		return observe.Exit{Code: code}
	}
	return observe.Exit{Code: sigkilled, OOMKilled: o.Verb == "oom"}
}

// sigkilled is the exit code of a process that was killed by SIGKILL.
const sigkilled = 128 + 9

// listen listens on a port. The error of a refused port has no subject.
func (a *application) listen(port string) (errno, subject string) {
	n, err := strconv.Atoi(port)
	if err != nil {
		return "EINVAL", port
	}
	if slices.Contains(a.ports, n) {
		return "", ""
	}
	if n < 1024 && !a.p.Open && !a.p.LowPorts && !a.who.can("NET_BIND_SERVICE") {
		if a.traced {
			a.denied = append(a.denied, n)
		}
		return "EACCES", ""
	}
	a.ports = append(a.ports, n)
	return "", ""
}

// become changes the user of the application, or starts a worker as another user. It has no effect for a user that is not
// root.
func (a *application) become(o script.Operation) string {
	if a.who.uid != 0 {
		return ""
	}
	user := a.who
	if errno := a.switchUser(o.Arg()); errno != "" {
		return errno
	}
	if o.Verb == "worker" {
		a.procs = append(a.procs, observe.Process{UID: a.who.uid, GID: a.who.gid, Command: o.Args[1]})
		a.who = user
	}
	return ""
}

// switchUser changes the user of the application to UID:GID, as setgid and setuid do.
func (a *application) switchUser(to string) string {
	user, _ := script.ParseUser(to) // the parser has checked it
	next := identity{uid: user.UID, gid: user.GID}
	if next.uid == a.who.uid && next.gid == a.who.gid {
		return ""
	}
	if !a.who.can("SETUID") || !a.who.can("SETGID") {
		return "EPERM"
	}
	a.who = next
	return ""
}

// need returns EPERM where the container lacks something.
func (a *application) need(what string) string {
	ok := a.who.can(what)
	luck, isLuck := strings.CutPrefix(what, "luck-")
	switch {
	case what == "root":
		ok = a.who.uid == 0
	case what == "first-start":
		ok = !a.restarted
	case what == "escalation":
		ok = a.p.Open || a.p.AllowPrivilegeEscalation
	case isLuck:
		ok = luck != strconv.Itoa(a.run)
	}
	if ok {
		return ""
	}
	return "EPERM"
}
