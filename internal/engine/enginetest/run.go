package enginetest

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/podseal/podseal/internal/observe"
)

// runPhase executes the operations of a phase that are not delayed. It reports whether an e2e command would pass.
func (a *application) runPhase(phase string) bool {
	ok := true
	for _, o := range a.e.script {
		if o.after > 0 || a.dice.phase(o) != phase || a.exit != nil || !a.holds(o) {
			continue
		}
		if !a.execute(o) {
			ok = false
		}
	}
	return ok && a.exit == nil
}

// runLater executes a delayed operation, unless the application has exited by then.
func (a *application) runLater(o operation, exited chan struct{}) {
	select {
	case <-exited:
	case <-time.After(o.after):
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.exit == nil && a.holds(o) {
			a.execute(o)
		}
	}
}

// execute executes an operation and what its modes say about a refusal. It reports whether an e2e command would go on.
func (a *application) execute(o operation) bool {
	errno, subject := a.perform(o)
	if errno == "" {
		return true
	}
	if !o.has("silent") {
		a.logRefusal(o, subject, errno)
	}
	switch {
	case o.has("tolerated"):
		return true
	case o.has("fails"), o.verb == "fail":
		return false
	case o.verb == "exec":
		a.end(observe.Exit{Code: 126, Error: "exec: \"" + subject + "\": operation not permitted"})
	default:
		a.end(observe.Exit{Code: 1})
	}
	return false
}

// logRefusal writes the line of a refused operation into the logs.
func (a *application) logRefusal(o operation, subject, errno string) {
	switch {
	case o.text != "":
		fmt.Fprintln(&a.logs, strings.ReplaceAll(o.text, "%s", subject))
	case subject == "" || o.has("terse"):
		fmt.Fprintf(&a.logs, "app: %s failed: %s\n", o.verb, message(o, errno))
	default:
		fmt.Fprintf(&a.logs, "app: %s %s: %s\n", o.verb, subject, message(o, errno))
	}
}

// message returns the text of an error in the logs.
func message(o operation, errno string) string {
	switch {
	case errno == "wrong owner":
		return "data directory has wrong ownership"
	case errno == "wrong mode":
		return "data directory has group or world access"
	case errno == "not sticky":
		return "could not find a temporary directory"
	case o.verb == "listen":
		return "bind: Permission denied"
	}
	return cmp.Or(errnoTexts[errno], errno)
}

// path makes a path of the script absolute.
func (a *application) path(p string) string {
	if rest, ok := strings.CutPrefix(p, "$HOME"); ok {
		home := a.p.Env["HOME"]
		if a, found := a.e.users.ByUID(a.who.uid); home == "" && found {
			home = a.Home
		}
		return path.Join("/", home, rest)
	}
	if rest, ok := strings.CutPrefix(p, "$TMPDIR"); ok {
		return path.Join(cmp.Or(a.p.Env["TMPDIR"], "/tmp"), rest)
	}
	if !path.IsAbs(p) {
		return path.Join("/", a.cwd, p)
	}
	return path.Clean(p)
}

// execFile returns why a program, which may have a file capability, cannot be executed.
func (a *application) execFile(p string) string {
	e, ok := a.fs.nodes[a.fs.real(p, true)]
	if !ok {
		return "ENOENT"
	}
	if e.Caps != "" && !a.p.Open && !slices.Contains(a.p.AddCapabilities, "NET_BIND_SERVICE") {
		return "EPERM"
	}
	return ""
}
