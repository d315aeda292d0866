package dockerfile

import (
	"path"
	"strconv"
	"strings"

	"github.com/podseal/podseal/internal/advise/script"
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

// makes finds the users and groups that an instruction makes.
func makes(in Instruction) []made {
	if in.Name != "run" {
		return nil
	}
	var out []made
	for _, c := range script.Parse(in.Text) {
		tool := path.Base(c.Words[0])
		if valued[tool] == "" {
			continue
		}
		m := made{tool: tool, id: -1, in: in}
		m.read(c.Words[1:])
		if m.name != "" {
			out = append(out, m)
		}
	}
	return out
}

func (m *made) read(args []string) {
	user := m.tool == "useradd" || m.tool == "adduser"
	for i := 0; i < len(args); i++ {
		name, value, joined := strings.Cut(args[i], "=")
		if !strings.HasPrefix(name, "-") {
			if m.name == "" {
				m.name = args[i]
			}
			continue
		}
		last := "-" + name[len(name)-1:] // of options written together: "-rg"
		if !strings.HasPrefix(name, "--") && len(name) > 2 {
			name = last
		}
		if !joined && strings.Contains(valued[m.tool], " "+name+" ") && i+1 < len(args) {
			i++
			value = args[i]
		}
		switch {
		case name == "-u" || name == "--uid" || !user && (name == "-g" || name == "--gid"):
			if id, err := strconv.ParseInt(value, 10, 64); err == nil {
				m.id = id
			}
		case m.tool == "useradd" && (name == "-g" || name == "--gid"),
			m.tool == "adduser" && (name == "-G" || name == "--ingroup" || name == "--gid"):
			m.group = value
		}
	}
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
