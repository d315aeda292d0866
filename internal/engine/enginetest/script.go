package enginetest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Script is the operations of an application, in order.
type Script []operation

// operation is one line of a script. The package documentation describes its fields.
type operation struct {
	phase       string
	after       time.Duration
	condition   string // if-root, if-user, if, unless; empty: always
	conditionAt string // the path of if and unless
	verb        string
	args        []string
	modes       []string
}

// arity returns the number of arguments of each verb.
func arity() map[string]int {
	return map[string]int{
		"write": 1, "temp": 1, "mkdir": 1, "remove": 1, "chmod": 1, "read": 1, "sticky": 1, "owned": 1, "rename": 2, "link": 2,
		"symlink": 2, "chown": 2, "listen": 1, "worker": 2, "drop": 1, "need": 1, "exec": 1, "account": 1,
	}
}

// ParseScript reads the script of an application.
func ParseScript(text string) (Script, error) {
	var out Script
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 || strings.HasPrefix(f[0], "#") {
			continue
		}
		o, err := parseOperation(f)
		if err != nil {
			return nil, fmt.Errorf("script line %q: %w", strings.TrimSpace(line), err)
		}
		out = append(out, o)
	}
	return out, nil
}

func parseOperation(f []string) (operation, error) {
	o := operation{phase: f[0]}
	if !slices.Contains([]string{"start", "e2e", "probe", "stop"}, o.phase) {
		return o, fmt.Errorf("unknown phase %q", o.phase)
	}
	f = f[1:]
	if len(f) > 1 && f[0] == "after" {
		d, err := time.ParseDuration(f[1])
		if err != nil {
			return o, err
		}
		o.after, f = d, f[2:]
	}
	switch {
	case len(f) > 0 && (f[0] == "if-root" || f[0] == "if-user"):
		o.condition, f = f[0], f[1:]
	case len(f) > 1 && (f[0] == "unless" || f[0] == "if"):
		o.condition, o.conditionAt, f = f[0], f[1], f[2:]
	}
	if len(f) == 0 {
		return o, fmt.Errorf("no verb")
	}
	n, ok := arity()[f[0]]
	if !ok {
		return o, fmt.Errorf("unknown verb %q", f[0])
	}
	if len(f) < n+1 {
		return o, fmt.Errorf("%s takes %d arguments", f[0], n)
	}
	o.verb, o.args, o.modes = f[0], f[1:n+1], f[n+1:]
	for _, m := range o.modes {
		if !slices.Contains([]string{"tolerated", "fails", "silent", "terse"}, m) {
			return o, fmt.Errorf("unknown mode %q", m)
		}
	}
	return o, nil
}

// has reports whether the operation has a mode.
func (o operation) has(mode string) bool { return slices.Contains(o.modes, mode) }
