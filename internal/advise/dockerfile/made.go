package dockerfile

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/podseal/podseal/internal/advise/shellscript"
)

// made is a user or group that a RUN makes.
type made struct {
	tool  string // "useradd", "adduser", "groupadd" or "addgroup"
	name  string
	id    int64  // -1 if the command leaves it to chance
	group string // of a user: the primary group as given; empty if none is
	in    Instruction
}

// valued are the options that take a value, by tool.
var valued = map[string]string{
	"useradd": " -u --uid -g --gid -G --groups -d --home-dir --home -s --shell -c --comment -b -e -f -k -K -p -R -Z --base-dir " +
		"--expiredate --inactive --skel --key --password --root --prefix -P ",
	"adduser":  " -u --uid -g --gid -G --ingroup --home -h -s --shell --gecos --comment -k --firstuid --lastuid ",
	"groupadd": " -g --gid -K --key -p --password -R --root -P --prefix -U --users ",
	"addgroup": " -g --gid --firstgid --lastgid ",
}

// idOptions are the options that give the number, groupOptions those that give a user its primary group.
var (
	idOptions = map[string][]string{
		"useradd": {"-u", "--uid"}, "adduser": {"-u", "--uid"}, "groupadd": {"-g", "--gid"}, "addgroup": {"-g", "--gid"},
	}
	groupOptions = map[string][]string{"useradd": {"-g", "--gid"}, "adduser": {"-G", "--ingroup", "--gid"}}
)

// makes finds the users and groups that an instruction makes.
func makes(in Instruction) []made {
	if in.Name != "run" {
		return nil
	}
	var out []made
	for _, words := range commandsOf(in) {
		tool := path.Base(words[0])
		if valued[tool] == "" {
			continue
		}
		m := made{tool: tool, id: -1, in: in}
		if m.read(words[1:]) == 1 { // with two, adduser and addgroup put a user into a group
			out = append(out, m)
		}
	}
	return out
}

// commandsOf returns the words of the commands of a RUN. Of a script that cannot be parsed, the commands before that place
// count.
func commandsOf(in Instruction) [][]string {
	var out [][]string
	commands, _ := shellscript.Parse(in.Text)
	for _, c := range commands {
		if words := c.Words(shellscript.Env{}); len(words) > 0 {
			out = append(out, words)
		}
	}
	return out
}

// read takes the name, the id and the group from a tool's arguments, and tells how many operands they have.
func (m *made) read(args []string) (operands int) {
	for len(args) > 0 {
		var name, value string
		name, value, args = m.option(args)
		switch {
		case name == "" && strings.ContainsAny(value, "<>"): // a redirection, the end of the operands
			return operands
		case name == "":
			m.name = value
			operands++
		case slices.Contains(idOptions[m.tool], name):
			if id, err := strconv.ParseInt(value, 10, 64); err == nil {
				m.id = id
			}
		case slices.Contains(groupOptions[m.tool], name):
			m.group = value
		}
	}
	return operands
}

// option takes one option with its value, or one operand, whose name is empty, off the arguments.
func (m *made) option(args []string) (name, value string, rest []string) {
	name, value, joined := strings.Cut(args[0], "=")
	if !strings.HasPrefix(name, "-") {
		return "", args[0], args[1:]
	}
	rest = args[1:]
	if !strings.HasPrefix(name, "--") && len(name) > 2 {
		name = "-" + name[len(name)-1:] // of options written together: "-rg"
	}
	if !joined && strings.Contains(valued[m.tool], " "+name+" ") && len(rest) > 0 {
		value, rest = rest[0], rest[1:]
	}
	return name, value, rest
}

// group of a tool that makes users tells whether it makes one.
func (m made) isUser() bool { return m.tool == "useradd" || m.tool == "adduser" }

// madeIn lists what the stages make, in the order of building.
func madeIn(stages []*Stage) []made {
	var out []made
	for i := len(stages) - 1; i >= 0; i-- {
		for _, in := range stages[i].Body {
			out = append(out, makes(in)...)
		}
	}
	return out
}

func find(all []made, user bool, name string) (made, bool) {
	for _, m := range all {
		if m.isUser() == user && m.name == name {
			return m, true
		}
	}
	return made{}, false
}
