// Package script parses the scripts of fake applications. The documentation of package enginetest describes the language.
package script

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Script is the operations of an application, in order.
type Script []Operation

// Operation is one line of a script. The package documentation describes its parts.
type Operation struct {
	Line       int      // its index in the script
	Phases     []string // each run chooses one
	After      time.Duration
	Conditions []Condition // all must hold
	As         string      // UID:GID; empty means the user of the application
	Verb       string
	Args       []string
	Modes      []string
	Text       string // to log in place of the usual line; %s is the subject
}

// Condition is a word and its argument, if it has one.
type Condition struct{ Word, Arg string }

// phases returns the phases of a script.
func phases() []string { return []string{"start", "e2e", "probe", "stop"} }

// conditions returns the number of arguments of each condition.
func conditions() map[string]int {
	return map[string]int{
		"if-root": 0, "if-user": 0, "if-traced": 0, "if-untraced": 0, "if": 1, "unless": 1, "writable": 1, "unwritable": 1, "in-run": 1, "in-same-run": 1, "chance": 1,
	}
}

// verbs returns the number of arguments of each verb.
func verbs() map[string]int {
	return map[string]int{
		"write": 1, "temp": 1, "once": 1, "mkdir": 1, "remove": 1, "rename": 2, "link": 2, "symlink": 2, "chmod": 1, "chown": 2,
		"read": 1, "owned": 1, "trusted": 1, "private": 1, "sticky": 1, "exec": 1, "account": 1, "need": 1,
		"stat": 1, "id": 0, "listen": 1, "connect": 1, "worker": 2, "drop": 1, "log": 0, "fail": 0, "exit": 1, "hang": 0, "kill": 0, "oom": 0, "break-engine": 0,
		"setuid": 1, "lose-tracer": 0,
	}
}

// modes returns the words that may follow the arguments of a verb.
func modes() []string { return []string{"tolerated", "fails", "silent", "terse"} }

// Parse reads the script of an application.
func Parse(text string) (Script, error) {
	var out Script
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		o, err := parse(line)
		if err != nil {
			return nil, fmt.Errorf("script line %q: %w", line, err)
		}
		o.Line = len(out)
		out = append(out, o)
	}
	return out, nil
}

func parse(line string) (o Operation, err error) {
	line, o.Text, _ = strings.Cut(line, " : ")
	f := strings.Fields(line)
	o.Phases = strings.Split(f[0], "|")
	for _, p := range o.Phases {
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
		o.As, f = f[1], f[2:]
	}
	return o, o.parseVerb(f)
}

func (o *Operation) parseAfter(f []string) ([]string, error) {
	if len(f) < 2 || f[0] != "after" {
		return f, nil
	}
	var err error
	if o.After, err = time.ParseDuration(f[1]); err != nil {
		return nil, err
	}
	if len(o.Phases) > 1 || o.Phases[0] != "start" {
		return nil, fmt.Errorf("only operations of the phase start can be delayed")
	}
	return f[2:], nil
}

func (o *Operation) parseConditions(f []string) ([]string, error) {
	for len(f) > 0 {
		n, ok := conditions()[f[0]]
		if !ok {
			break
		}
		if len(f) <= n {
			return nil, fmt.Errorf("%s takes an argument", f[0])
		}
		c := Condition{f[0], strings.Join(f[1:n+1], " ")}
		if err := c.check(); err != nil {
			return nil, err
		}
		o.Conditions, f = append(o.Conditions, c), f[n+1:]
	}
	return f, nil
}

// check returns an error where the argument of a condition has the wrong type.
func (c Condition) check() (err error) {
	switch c.Word {
	case "in-run", "in-same-run":
		_, err = strconv.Atoi(c.Arg)
	case "chance":
		_, err = strconv.ParseFloat(c.Arg, 64)
	}
	return err
}

func (o *Operation) parseVerb(f []string) error {
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
	o.Verb, o.Args, o.Modes = f[0], f[1:n+1], f[n+1:]
	for _, m := range o.Modes {
		if !slices.Contains(modes(), m) {
			return fmt.Errorf("unknown mode %q", m)
		}
	}
	if o.Verb == "log" && o.Text == "" {
		return fmt.Errorf("log takes a text")
	}
	return o.checkArgs()
}

// checkArgs returns an error where an argument has the wrong type.
func (o *Operation) checkArgs() (err error) {
	users := []string{o.As}
	switch o.Verb {
	case "connect":
		_, err = netip.ParseAddrPort(o.Args[0])
	case "listen", "exit":
		_, err = strconv.Atoi(o.Args[0])
	case "worker", "drop":
		users = append(users, o.Args[0])
	case "chown":
		users = append(users, o.Args[1])
	}
	for _, u := range users {
		if _, ok := ParseUser(u); u != "" && !ok {
			return fmt.Errorf("%q is not UID:GID", u)
		}
	}
	return err
}

// Has reports whether the operation has a mode.
func (o Operation) Has(mode string) bool { return slices.Contains(o.Modes, mode) }

// Arg returns the first argument, "" where there is none.
func (o Operation) Arg() string {
	if len(o.Args) == 0 {
		return ""
	}
	return o.Args[0]
}

// User is a UID and a GID.
type User struct{ UID, GID int64 }

// ParseUser parses UID:GID.
func ParseUser(s string) (User, bool) {
	uid, gid, _ := strings.Cut(s, ":")
	u, err := strconv.ParseInt(uid, 10, 64)
	g, err2 := strconv.ParseInt(gid, 10, 64)
	return User{u, g}, err == nil && err2 == nil
}
