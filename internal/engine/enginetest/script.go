package enginetest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Script is the operations of an application, in order.
type Script []operation

// operation is one line of a script. The package documentation describes its parts.
type operation struct {
	line       int      // its index in the script
	phases     []string // each run chooses one
	after      time.Duration
	conditions []condition // all must hold
	as         string      // UID:GID; empty means the user of the application
	verb       string
	args       []string
	modes      []string
	text       string // to log in place of the usual line; %s is the subject
}

// condition is a word and its argument, if it has one.
type condition struct{ word, arg string }

// phases returns the phases of a script.
func phases() []string { return []string{"start", "e2e", "probe", "stop"} }

// conditions returns the number of arguments of each condition.
func conditions() map[string]int {
	return map[string]int{
		"if-root": 0, "if-user": 0, "if": 1, "unless": 1, "writable": 1, "unwritable": 1, "in-run": 1, "chance": 1,
	}
}

// verbs returns the number of arguments of each verb.
func verbs() map[string]int {
	return map[string]int{
		"write": 1, "temp": 1, "once": 1, "mkdir": 1, "remove": 1, "rename": 2, "link": 2, "symlink": 2, "chmod": 1, "chown": 2,
		"read": 1, "owned": 1, "trusted": 1, "private": 1, "sticky": 1, "exec": 1, "account": 1, "need": 1,
		"listen": 1, "worker": 2, "drop": 1, "log": 0, "fail": 0, "exit": 1, "hang": 0, "kill": 0, "oom": 0, "break-engine": 0,
	}
}

// modes returns the words that may follow the arguments of a verb.
func modes() []string { return []string{"tolerated", "fails", "silent", "terse"} }

// ParseScript reads the script of an application.
func ParseScript(text string) (Script, error) {
	var out Script
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		o, err := parseOperation(line)
		if err != nil {
			return nil, fmt.Errorf("script line %q: %w", line, err)
		}
		o.line = len(out)
		out = append(out, o)
	}
	return out, nil
}

func parseOperation(line string) (o operation, err error) {
	line, o.text, _ = strings.Cut(line, " : ")
	f := strings.Fields(line)
	o.phases = strings.Split(f[0], "|")
	for _, p := range o.phases {
		if !slices.Contains(phases(), p) {
			return o, fmt.Errorf("unknown phase %q", p)
		}
	}
	if f, err = o.parseAfter(f[1:]); err != nil {
		return o, err
	}
	if f, err = o.parseConditions(f); err != nil {
		return o, err
	}
	if len(f) > 1 && f[0] == "as" {
		o.as, f = f[1], f[2:]
	}
	return o, o.parseVerb(f)
}

func (o *operation) parseAfter(f []string) ([]string, error) {
	if len(f) < 2 || f[0] != "after" {
		return f, nil
	}
	var err error
	if o.after, err = time.ParseDuration(f[1]); err != nil {
		return nil, err
	}
	if len(o.phases) > 1 || o.phases[0] != "start" {
		return nil, fmt.Errorf("only operations of the phase start can be delayed")
	}
	return f[2:], nil
}

func (o *operation) parseConditions(f []string) ([]string, error) {
	for len(f) > 0 {
		n, ok := conditions()[f[0]]
		if !ok {
			break
		}
		if len(f) <= n {
			return nil, fmt.Errorf("%s takes an argument", f[0])
		}
		c := condition{f[0], strings.Join(f[1:n+1], " ")}
		if err := c.check(); err != nil {
			return nil, err
		}
		o.conditions, f = append(o.conditions, c), f[n+1:]
	}
	return f, nil
}

// check returns an error where the argument of a condition has the wrong type.
func (c condition) check() (err error) {
	switch c.word {
	case "in-run":
		_, err = strconv.Atoi(c.arg)
	case "chance":
		_, err = strconv.ParseFloat(c.arg, 64)
	}
	return err
}

func (o *operation) parseVerb(f []string) error {
	if len(f) == 0 {
		return fmt.Errorf("no verb")
	}
	n, ok := verbs()[f[0]]
	if !ok {
		return fmt.Errorf("unknown verb %q", f[0])
	}
	if len(f) < n+1 {
		return fmt.Errorf("%s takes %d arguments", f[0], n)
	}
	o.verb, o.args, o.modes = f[0], f[1:n+1], f[n+1:]
	for _, m := range o.modes {
		if !slices.Contains(modes(), m) {
			return fmt.Errorf("unknown mode %q", m)
		}
	}
	if o.verb == "log" && o.text == "" {
		return fmt.Errorf("log takes a text")
	}
	return o.checkArgs()
}

// checkArgs returns an error where an argument has the wrong type.
func (o *operation) checkArgs() (err error) {
	users := []string{o.as}
	switch o.verb {
	case "listen", "exit":
		_, err = strconv.Atoi(o.args[0])
	case "worker", "drop":
		users = append(users, o.args[0])
	case "chown":
		users = append(users, o.args[1])
	}
	for _, u := range users {
		if _, ok := parseUser(u); u != "" && !ok {
			return fmt.Errorf("%q is not UID:GID", u)
		}
	}
	return err
}

// has reports whether the operation has a mode.
func (o operation) has(mode string) bool { return slices.Contains(o.modes, mode) }

// arg returns the first argument, "" where there is none.
func (o operation) arg() string {
	if len(o.args) == 0 {
		return ""
	}
	return o.args[0]
}
