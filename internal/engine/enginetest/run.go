package enginetest

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/podseal/podseal/internal/engine/enginetest/script"
	"github.com/podseal/podseal/internal/observe"
)

// runPhase executes the operations of a phase that are not delayed. It reports whether an e2e command would pass.
func (a *application) runPhase(phase string) bool {
	ok := true
	for _, o := range a.e.script {
		if o.After > 0 || a.dice.phase(o) != phase || a.exit != nil || !a.holds(o) {
			continue
		}
		if !a.execute(o) {
			ok = false
		}
	}
	return ok && a.exit == nil
}

// runLater executes a delayed operation, unless the application has exited by then.
func (a *application) runLater(o script.Operation, exited chan struct{}) {
	select {
	case <-exited:
	case <-time.After(o.After):
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.exit == nil && a.holds(o) {
			a.execute(o)
		}
	}
}

// execute executes an operation and what its modes say about a refusal. It reports whether an e2e command would go on.
func (a *application) execute(o script.Operation) bool {
	errno, subject := a.perform(o)
	if errno == "" {
		return true
	}
	if !o.Has("silent") {
		fmt.Fprintln(&a.logs, o.Refusal(subject, errno))
	}
	switch {
	case o.Has("tolerated"):
		return true
	case o.Has("fails"), o.Verb == "fail":
		return false
	case o.Verb == "exec":
		a.end(observe.Exit{Code: 126, Error: "exec: \"" + subject + "\": operation not permitted"})
	default:
		a.end(observe.Exit{Code: 1})
	}
	return false
}

// path makes a path of the script absolute.
func (a *application) path(p string) string {
	p = strings.ReplaceAll(p, "$HOSTNAME", hostname(a.run))
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
