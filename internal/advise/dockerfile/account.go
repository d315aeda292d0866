package dockerfile

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/podseal/podseal/internal/image"
)

// account is a user or a group that the Dockerfile makes.
type account struct {
	user    bool
	name    string
	id      int64  // -1 if it is not known
	given   bool   // the command has a number, which may be a variable without a value
	varID   bool   // the number is written as a variable
	renamed string // the new name that usermod or groupmod gives it; empty if none
	group   string // of a user: the primary group as given; empty if none is
	gid     int64  // of a user: the primary group where it is a number; -1 if it is not known

	tool string // the command that makes it; empty if it is a line of a file
	in   Instruction
}

// valued lists the options that take a value, by tool.
var valued = map[string]string{
	"useradd": " -u --uid -g --gid -G --groups -d --home-dir --home -s --shell -c --comment -b -e -f -k -K -p -R -Z --base-dir " +
		"--expiredate --inactive --skel --key --password --root --prefix -P ",
	"adduser":  " -u --uid -g --gid -G --ingroup --home -h -s --shell --gecos --comment -k --firstuid --lastuid ",
	"groupadd": " -g --gid -K --key -p --password -R --root -P --prefix -U --users ",
	"addgroup": " -g --gid --firstgid --lastgid ",
	"usermod":  " -u --uid -g --gid -G --groups -d --home -s --shell -c --comment -l --login -e -f -p -R -P -Z ",
	"groupmod": " -g --gid -n --new-name -p -R -P ",
}

// idOptions are the options that name the number, nameOptions those that name the new name, groupOptions those that name a user's primary group.
var (
	idOptions = map[string][]string{
		"useradd": {"-u", "--uid"}, "adduser": {"-u", "--uid"}, "groupadd": {"-g", "--gid"}, "addgroup": {"-g", "--gid"},
		"usermod": {"-u", "--uid"}, "groupmod": {"-g", "--gid"},
	}
	nameOptions = map[string][]string{"usermod": {"-l", "--login"}, "groupmod": {"-n", "--new-name"}}

	groupOptions = map[string][]string{
		"useradd": {"-g", "--gid"}, "adduser": {"-G", "--ingroup", "--gid"}, "usermod": {"-g", "--gid"},
	}
)

// readAccount reads the command line of a tool that makes a user or a group. ok is false where the command makes none.
func readAccount(words []string) (a account, ok bool) {
	tool := path.Base(words[0])
	if valued[tool] == "" {
		return a, false
	}
	a = account{tool: tool, id: -1, gid: -1, user: strings.Contains(tool, "user")}
	operands := a.read(words[1:])
	if a.group == "" && slices.Contains(words, "-N") && tool == "useradd" {
		a.group = "users"
	}
	return a, operands == 1 // with two, adduser and addgroup put a user into a group
}

// read takes the name, the number and the group from a tool's arguments, and returns how many operands they have.
func (a *account) read(args []string) (operands int) {
	for len(args) > 0 {
		var name, value string
		name, value, args = a.option(args)
		switch {
		case name == "":
			a.name = value
			operands++
		case slices.Contains(idOptions[a.tool], name):
			a.given = true
			if id, err := strconv.ParseInt(value, 10, 64); err == nil {
				a.id = id
			}
		case slices.Contains(nameOptions[a.tool], name):
			a.renamed = value
		case slices.Contains(groupOptions[a.tool], name):
			a.group = value
			if id, err := strconv.ParseInt(value, 10, 64); err == nil {
				a.gid = id
			}
		}
	}
	return operands
}

// option removes one option with its value, or one operand, whose name is empty, from the front of the arguments.
func (a *account) option(args []string) (name, value string, rest []string) {
	arg, rest := args[0], args[1:]
	name, value, joined := strings.Cut(arg, "=")
	if !strings.HasPrefix(name, "-") || name == "-" {
		return "", arg, rest
	}
	takes := func(name string) bool { return strings.Contains(valued[a.tool], " "+name+" ") }
	if !strings.HasPrefix(name, "--") { // letters written together, with a value behind the last: "-rg staff", "-u1000"
		i := strings.IndexFunc(arg[1:], func(letter rune) bool { return takes("-" + string(letter)) })
		if i < 0 {
			return name, "", rest
		}
		name = "-" + arg[i+1:i+2]
		value = strings.TrimPrefix(arg[i+2:], "=")
		joined = value != ""
	}
	if !joined && takes(name) && len(rest) > 0 {
		value, rest = rest[0], rest[1:]
	}
	return name, value, rest
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 31)
	return err == nil
}

// accounts are the users and groups that are known of an image.
type accounts struct {
	base   map[string]string // of the base image: name to "uid:gid"
	made   []account
	opaque int // the line that brings an /etc/passwd whose content is not known; 0 if none does
}

func (a accounts) find(user bool, name string) (account, bool) {
	for _, m := range slices.Backward(a.made) {
		if m.user == user && m.name == name {
			return m, true
		}
	}
	return account{}, false
}

// add adds an account, or changes the one of that name.
func (a *accounts) add(m account) {
	old, ok := a.find(m.user, m.name)
	if strings.HasSuffix(m.tool, "mod") {
		if !ok && m.user {
			old.user, old.name, old.id, old.gid = true, m.name, -1, -1
			if ids, has := a.base[m.name]; has {
				old.id, old.gid = splitIDs(ids)
			}
		}
		if m.given && !m.user {
			a.moveGroup(a.gid(m.name), m.id)
		}
		if m.given {
			old.id, old.given, old.varID, old.in, old.tool = m.id, true, m.varID, m.in, ""
		}
		if m.group != "" {
			old.group, old.gid = m.group, m.gid
		}
		renamed := m.renamed
		if m.user || ok { // in place of the old one: the command that made it is counted once
			a.made = slices.DeleteFunc(slices.Clone(a.made), func(x account) bool { return ok && x.user == old.user && x.name == old.name })
			m = old
		} else {
			m.tool = ""
			if !m.given {
				m.id = a.gid(m.name)
			}
		}
		if renamed != "" {
			a.drop(m.user, m.name)
			m.name, m.tool = renamed, "" // the command that made it has the old name
		}
	}
	a.made = append(a.made, m)
}

// drop removes a user or a group by its name. A group of the base image is known as that of the account of its name alone.
func (a *accounts) drop(user bool, name string) {
	a.made = slices.DeleteFunc(slices.Clone(a.made), func(m account) bool { return m.user == user && m.name == name })
	if _, has := a.base[name]; user && has {
		a.base = maps.Clone(a.base)
		delete(a.base, name)
	}
}

func splitIDs(ids string) (uid, gid int64) {
	u, g, _ := strings.Cut(ids, ":")
	return number(u), number(g)
}

// number returns a decimal number, or -1.
func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// addLines adds the accounts of lines of /etc/passwd or /etc/group.
func (a *accounts) addLines(at, text string, in Instruction) {
	if at == "/etc/passwd" {
		for _, u := range image.ParsePasswd([]byte(text)) {
			a.made = append(a.made, account{user: true, name: u.Name, id: u.UID, gid: u.GID, in: in})
		}
		return
	}
	for _, g := range image.ParseGroup([]byte(text)) {
		a.made = append(a.made, account{name: g.Name, id: g.GID, in: in})
	}
}

// replace drops all users, or all groups: a whole file takes their place.
func (a *accounts) replace(at string) {
	if at == "/etc/passwd" {
		a.base, a.opaque = nil, 0
	}
	a.made = slices.DeleteFunc(slices.Clone(a.made), func(m account) bool { return m.user == (at == "/etc/passwd") })
}

// uid returns the number of a user that is given by name or number, and -1 where it is not known.
func (a accounts) uid(name string) int64 {
	if name == "" || name == "root" {
		return 0
	}
	if isNumber(name) {
		return number(name)
	}
	if m, ok := a.find(true, name); ok {
		return m.id
	}
	if ids, ok := a.base[name]; ok {
		uid, _ := splitIDs(ids)
		return uid
	}
	return -1
}

// gid returns the number of a group that is given by name or number, and -1 where it is not known. Of the base image the
// groups of accounts are known, by the accounts' names.
func (a accounts) gid(name string) int64 {
	if isNumber(name) {
		return number(name)
	}
	if m, ok := a.find(false, name); ok {
		return m.id
	}
	if name == "root" {
		return 0
	}
	if ids, ok := a.base[name]; ok {
		_, gid := splitIDs(ids)
		return gid
	}
	return -1
}

// groupOf returns the number of a made user's primary group, and -1 where it is not known.
func (a accounts) groupOf(m account) int64 {
	if m.gid >= 0 {
		return m.gid
	}
	if m.group == "" {
		return -1
	}
	return a.gid(m.group)
}

// users returns the accounts as those of an image.
func (a accounts) users() image.Users {
	var out image.Users
	for _, m := range slices.Backward(a.made) {
		if m.user && m.id >= 0 {
			out.Accounts = append(out.Accounts, image.Account{Name: m.name, UID: m.id, GID: max(a.groupOf(m), 0)})
		}
		if !m.user && m.id >= 0 {
			out.Groups = append(out.Groups, image.Group{Name: m.name, GID: m.id})
		}
	}
	for name, ids := range a.base {
		uid, gid := splitIDs(ids)
		out.Accounts = append(out.Accounts, image.Account{Name: name, UID: uid, GID: gid})
	}
	slices.SortStableFunc(out.Accounts[min(len(out.Accounts), len(out.Accounts)-len(a.base)):], func(x, y image.Account) int {
		return strings.Compare(x.Name, y.Name)
	})
	return out
}
