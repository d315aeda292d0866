package main

import (
	"errors"
	"path"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"time"
)

// check refuses values that no run could use.
func (o *targetOptions) check() error {
	for _, p := range o.ports {
		if p < 1 || p > 65535 {
			return badInput("--port %d: a port is between 1 and 65535", p)
		}
	}
	if err := o.checkDurations(); err != nil {
		return err
	}
	if o.user != "" && !validUser(o.user) {
		return badInput("--user %s: give UID, UID:GID or a name of the image's /etc/passwd; ids are between 0 and %d", o.user, maxID)
	}
	if o.workdir != "" && !path.IsAbs(o.workdir) {
		return badInput("--workdir %s: give an absolute path in the container", o.workdir)
	}
	if name, _ := strings.CutPrefix(o.network, "container:"); o.network != "" && !engineName.MatchString(name) {
		return badInput("--network %s: give the name of a network of the engine, host, none or container:NAME", o.network)
	}
	if o.completes && len(o.execs) > 0 {
		return badInput("--exec with --completes: the container has ended when the command is due; use a COMMAND on the host")
	}
	if o.ready.HTTP != "" && !strings.HasPrefix(o.ready.HTTP, "/") {
		return badInput("--ready-http %s: give a path that starts with /; the host and the first port are known", o.ready.HTTP)
	}
	return checkRegexp("--ready-log", o.ready.Log)
}

// checkDurations refuses limits of no time. Zero is the default of some: it is refused only on the command line.
func (o *targetOptions) checkDurations() error {
	for _, d := range []struct {
		flag  string
		value time.Duration
		zero  bool // means none
	}{
		{"ready-timeout", o.ready.Timeout, false},
		{"soak", o.soak, true},
		{"timeout", o.timeout, false},
		{"stop-timeout", o.grace, false},
	} {
		if d.value < 0 && d.zero {
			return badInput("--%s %s: give a duration like 30s, or 0 for none", d.flag, d.value)
		}
		if d.value <= 0 && !d.zero && o.given(d.flag) {
			return badInput("--%s %s: give a duration above 0, like 30s", d.flag, d.value)
		}
	}
	return nil
}

// maxID is the largest user or group id that engines and Kubernetes take.
const maxID = 1<<31 - 1

// validUser reports whether a user can be meant by USER[:GROUP], each a name or an id.
func validUser(s string) bool {
	user, group, both := strings.Cut(s, ":")
	return validID(user) && (!both || validID(group))
}

var accountName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.@-]*\$?$`)

func validID(s string) bool {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n >= 0 && n <= maxID
	}
	return accountName.MatchString(s)
}

// engineName is what the engine takes as the name or the id of an object.
var engineName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

func checkRegexp(flag, s string) error {
	_, err := regexp.Compile(s)
	if bad := new(syntax.Error); errors.As(err, &bad) {
		return badInput("%s %s: not a regular expression: %s at %q", flag, s, bad.Code, bad.Expr)
	}
	return asBadInput(err)
}
