package dockerfile

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// folderChanges returns the folders that a command makes, or whose owner or mode it sets.
func (s *state) folderChanges(c runCommand) []folderChange {
	tool := path.Base(c.words[0])
	a := folderArgs{tool: tool, accounts: s.accounts, change: folderChange{uid: keep, gid: keep, line: c.in.Line}, rest: c.words[1:]}
	a.parse()
	change, operands := a.change, a.operands
	switch tool {
	case "mkdir":
		change.made = true
		if id := s.accounts.uid(firstOf(s.user)); id > 0 {
			change.uid = id
		}
	case "install":
		if !a.directory {
			return nil
		}
		change.made = true
	default:
		if a.reference {
			change.uid, change.gid = -1, -1
			break
		}
		if len(operands) == 0 {
			return nil
		}
		switch first := operands[0]; tool {
		case "chown":
			change.uid, change.gid = s.owner(first)
			change.owner = unnumbered(change.uid, first)
		case "chgrp":
			change.gid = s.accounts.gid(first)
		default:
			change.mode = first
		}
		operands = operands[1:]
	}
	var out []folderChange
	for _, dir := range operands {
		change.path = join(s.dir, dir)
		out = append(out, change)
	}
	return out
}

// folderArgs reads the arguments of mkdir, install, chown, chgrp and chmod.
type folderArgs struct {
	tool      string
	accounts  accounts
	change    folderChange
	operands  []string
	directory bool // install -d
	reference bool // chown, chgrp or chmod --reference: no operand names the owner or the mode

	rest []string
}

func (a *folderArgs) parse() {
	for len(a.rest) > 0 {
		arg := a.rest[0]
		a.rest = a.rest[1:]
		switch {
		case !strings.HasPrefix(arg, "-") || a.symbolic(arg):
			a.operands = append(a.operands, arg)
		case strings.HasPrefix(arg, "--"):
			a.long(arg)
		default:
			a.short(arg[1:])
		}
	}
}

// symbolic reports whether an argument of chmod is a mode such as -w.
func (a *folderArgs) symbolic(arg string) bool {
	return a.tool == "chmod" && len(a.operands) == 0 && arg != "--" && strings.Trim(arg, "-rwxXstugo,+=") == ""
}

func (a *folderArgs) long(arg string) {
	name, value, joined := strings.Cut(arg[2:], "=")
	letter := map[string]byte{"mode": 'm', "owner": 'o', "group": 'g', "target-directory": 't', "suffix": 'S', "from": 'F', "reference": 'E'}[name]
	switch {
	case name == "directory":
		a.directory = true
	case name == "recursive":
		a.change.recursive = true
	case a.valued(letter) && joined:
		a.set(letter, value)
	case a.valued(letter):
		a.set(letter, a.next())
	}
}

// short reads options of one letter that are written together.
func (a *folderArgs) short(letters string) {
	for i := range len(letters) {
		switch letter := letters[i]; {
		case a.valued(letter) && i+1 < len(letters):
			a.set(letter, letters[i+1:])
			return
		case a.valued(letter):
			a.set(letter, a.next())
		case letter == 'd':
			a.directory = true
		case letter == 'R':
			a.change.recursive = true
		}
	}
}

// valued reports whether an option takes a value.
func (a *folderArgs) valued(letter byte) bool {
	switch letter { // of long options alone
	case 'F':
		return a.tool == "chown"
	case 'E':
		return a.tool == "chown" || a.tool == "chgrp" || a.tool == "chmod"
	}
	return letter == 'm' && a.tool == "mkdir" || a.tool == "install" && letter != 0 && strings.IndexByte("mogtS", letter) >= 0
}

func (a *folderArgs) next() string {
	if len(a.rest) == 0 {
		return ""
	}
	value := a.rest[0]
	a.rest = a.rest[1:]
	return value
}

func (a *folderArgs) set(letter byte, value string) {
	switch letter {
	case 'm':
		a.change.mode = value
	case 'o':
		a.change.uid = a.accounts.uid(value)
		a.change.owner = unnumbered(a.change.uid, value)
	case 'g':
		a.change.gid = a.accounts.gid(value)
	case 'E':
		a.reference = true
	}
}

// unnumbered returns the user of "USER:GROUP" if its uid is not known, else "".
func unnumbered(uid int64, spec string) string {
	if uid != -1 {
		return ""
	}
	return firstOf(spec)
}

func firstOf(user string) string {
	name, _, _ := strings.Cut(user, ":")
	return name
}

// owner returns the numbers of "USER:GROUP", -1 where one is not known, keep for a group that is not given.
func (s *state) owner(spec string) (uid, gid int64) {
	name, group, has := strings.Cut(spec, ":")
	if user, rest, dotted := strings.Cut(spec, "."); dotted && !has && s.accounts.uid(spec) < 0 { // the old separator of chown
		name, group, has = user, rest, true
	}
	uid, gid = keep, keep
	if name != "" {
		uid = s.accounts.uid(name)
	}
	switch {
	case has && group != "":
		gid = s.accounts.gid(group)
	case has: // "USER:" is the group of the user
		gid = -1
		if m, ok := s.accounts.find(true, name); ok {
			gid = s.accounts.groupOf(m)
		}
	}
	return uid, gid
}

// moveGroup gives another number to a group, -1 for an unknown one: groupmod changes the users whose primary group it is as well.
func (a *accounts) moveGroup(from, to int64) {
	if from < 0 {
		return
	}
	a.made = slices.Clone(a.made)
	for i, m := range a.made {
		if m.user && m.gid == from {
			a.made[i].gid = to
		}
	}
	a.base = maps.Clone(a.base)
	for name, ids := range a.base {
		if uid, gid := splitIDs(ids); gid == from {
			a.base[name] = strings.TrimSuffix(fmt.Sprintf("%d:%d", uid, to), ":-1")
		}
	}
}
