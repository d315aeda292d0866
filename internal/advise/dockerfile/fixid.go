package dockerfile

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// fix adds a number to the command that makes a user without one, and to the command that makes its group.
func (p *patcher) fix(m account, group string) string {
	flag := map[string]string{"useradd": "--uid", "adduser": "--uid", "groupadd": "--gid", "addgroup": "--gid"}
	if p.state.base.Family == Alpine {
		flag["adduser"], flag["addgroup"] = "-u", "-g"
	}
	if group == "" {
		group = m.group
	}
	todo := []account{m}
	p.user = strconv.Itoa(NewID)
	if g, ok := p.state.accounts.find(false, group); ok {
		id := g.id
		if id < 0 {
			todo, id = append(todo, g), NewID
		}
		p.user += ":" + strconv.FormatInt(id, 10)
	} else if isNumber(group) {
		p.user += ":" + group
	}
	for _, x := range todo {
		if x.given {
			return fmt.Sprintf("line %d takes the number of %s from a variable that the Dockerfile gives no value: give it a default and write USER with "+
				"the number, or name it with --build-arg", x.in.Line, x.name)
		}
		if !p.insertFlag(x, flag[x.tool]) {
			return fmt.Sprintf("line %d makes %s without a fixed number in a way that cannot be changed safely: give it one (%s %d) and write USER %s",
				x.in.Line, x.name, flag[x.tool], NewID, p.user)
		}
	}
	p.numbered = m.name
	p.say("%s gets the fixed uid %d, so that USER can be a number", m.name, NewID)
	return ""
}

// insertFlag reports whether it could write the number, behind the one place of the instruction where the tool is called.
func (p *patcher) insertFlag(m account, flag string) bool {
	if flag == "" || p.countCalls(m) != 1 {
		return false
	}
	call := regexp.MustCompile(`(^|[\s;&|(/])` + m.tool + `\s`)
	at, n := -1, 0
	for i := m.in.Line - 1; i < m.in.Last; i++ {
		line := p.line(i)
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		if found := len(call.FindAllString(line, -1)); found > 0 {
			at, n = i, n+found
		}
	}
	if n != 1 || m.in.Exec {
		return false
	}
	where := call.FindStringIndex(p.line(at))
	line := p.line(at)[:where[1]-1] + fmt.Sprintf(" %s %d", flag, NewID) + p.line(at)[where[1]-1:]
	p.replace(at, line)
	return true
}

// countCalls returns how often the instruction that makes an account calls the tool.
func (p *patcher) countCalls(m account) int {
	n := 0
	for _, other := range p.state.accounts.made {
		if other.tool == m.tool && other.in.Line == m.in.Line {
			n++
		}
	}
	return n
}
