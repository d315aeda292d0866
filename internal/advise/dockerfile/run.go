package dockerfile

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/advise/shellscript"
)

// runCommand is one command of a RUN with its words expanded.
type runCommand struct {
	shellscript.Command
	words []string
	env   shellscript.Env
	in    Instruction
}

var onlyHeredocs = regexp.MustCompile(`^(\d*<<-?\s*["']?[\w.-]+["']?\s*)+$`)

// script returns the text that the shell of a RUN gets, here-documents included.
func (in Instruction) script() string {
	line := strings.Join(in.Words, " ")
	var b strings.Builder
	whole := onlyHeredocs.MatchString(line)
	if !whole {
		b.WriteString(line + "\n")
	}
	for _, h := range in.Heredocs {
		b.WriteString(h.Content)
		if !whole {
			b.WriteString(h.Name + "\n")
		}
	}
	return b.String()
}

// commands returns the commands of a RUN, those of an inner shell in its place. Of a script that cannot be parsed, the
// commands before that place count.
func (in Instruction) commands(vars map[string]string) []runCommand {
	if in.Exec {
		return in.inner(runCommand{words: in.Words, env: shellscript.Env{Vars: vars}, in: in}, 0)
	}
	return in.parse(in.script(), vars, 0)
}

func (in Instruction) parse(text string, vars map[string]string, depth int) []runCommand {
	var out []runCommand
	env := shellscript.Env{Vars: vars}
	commands, _ := shellscript.Parse(text)
	for _, c := range commands {
		words := c.Words(env)
		c.Assign(env)
		if len(words) > 0 {
			out = append(out, in.inner(runCommand{c, words, env, in}, depth)...)
		}
	}
	return out
}

// inner returns the commands of `sh -c SCRIPT` and of a shell that reads a here-document, else the command itself.
func (in Instruction) inner(c runCommand, depth int) []runCommand {
	if name := path.Base(c.words[0]); depth > 3 || !slices.Contains([]string{"sh", "bash", "ash", "dash"}, name) {
		return []runCommand{c}
	}
	for i, w := range c.words {
		if strings.HasPrefix(w, "-") && !strings.HasPrefix(w, "--") && strings.HasSuffix(w, "c") && i+1 < len(c.words) {
			return in.parse(c.words[i+1], c.env.Vars, depth+1)
		}
	}
	if text, ok := c.Input(c.env); ok {
		return in.parse(text, c.env.Vars, depth+1)
	}
	return []runCommand{c}
}

// run follows the commands of a RUN.
func (s *state) run(in Instruction) {
	s.hasRun = s.hasRun || !in.Exec
	for _, c := range in.commands(s.scope.all()) {
		s.runOne(c)
	}
}

func (s *state) runOne(c runCommand) {
	if known := familyShown(c.words); known != Unknown && slices.Contains([]Family{Unknown, Minimal}, s.base.Family) {
		s.base.Family = known
	}
	if m, ok := readAccount(c.words); ok {
		m.in, m.varID = c.in, c.variableID(m)
		s.accounts.add(m)
		return
	}
	switch path.Base(c.words[0]) {
	case "userdel", "deluser":
		if names := c.operands(); len(names) == 1 { // with two, deluser takes a user out of a group
			s.accounts.made = slices.DeleteFunc(s.accounts.made, func(m account) bool { return m.user && m.name == names[0] })
		}
	case "mkdir", "install", "chown", "chgrp", "chmod":
		s.folders = append(s.folders, s.folderChanges(c)...)
	case "setcap":
		c.setcap(s)
	}
	if slices.Contains([]string{"cp", "mv", "install", "ln"}, path.Base(c.words[0])) {
		s.copyFile(c)
	}
	s.writes(c)
}

// variableID reports whether the number of an account is written as a variable.
func (c runCommand) variableID(m account) bool {
	if c.in.Exec || !m.given || m.id < 0 {
		return false
	}
	literal := c.Words(shellscript.Env{})
	plain, ok := readAccount(append([]string{c.words[0]}, literal[min(1, len(literal)):]...))
	return !ok || plain.id < 0
}

// setcap follows setcap, with several pairs of capabilities and files, or with files to remove them from.
func (c runCommand) setcap(s *state) {
	var operands []string
	remove := false
	for i := 1; i < len(c.words); i++ {
		switch w := c.words[i]; {
		case w == "-n":
			i++
		case w == "-r":
			remove = true
		case !strings.HasPrefix(w, "-"):
			operands = append(operands, w)
		}
	}
	for len(operands) > 0 {
		at := join(s.dir, operands[len(operands)-1])
		s.setcaps = slices.DeleteFunc(s.setcaps, func(x setcap) bool { return x.file == at })
		if remove || len(operands) < 2 {
			return
		}
		at = operands[1]
		if !strings.Contains(at, "$") {
			at = join(s.dir, at)
		}
		s.setcaps = append(s.setcaps, setcap{file: at, caps: operands[0], line: c.in.Line})
		operands = operands[2:]
	}
}

// operands returns the words of a command that are no options.
func (c runCommand) operands() []string {
	return slices.DeleteFunc(slices.Clone(c.words[1:]), func(w string) bool { return strings.HasPrefix(w, "-") })
}

// copyFile follows cp, mv, install and ln of one known file.
func (s *state) copyFile(c runCommand) {
	operands := c.operands()
	if len(operands) < 2 {
		return
	}
	from, to := join(s.dir, operands[len(operands)-2]), operands[len(operands)-1]
	f, ok := s.find(from)
	if !ok {
		return
	}
	at := join(s.dir, to)
	if strings.HasSuffix(to, "/") || s.folderAt(at).exists || slices.Contains([]string{"/usr/local/bin", "/usr/bin", "/bin"}, at) {
		at = path.Join(at, path.Base(from))
	}
	if slices.Contains(accountFiles, at) {
		s.replaceAccounts(at, f, c.in)
	}
	s.files[at] = f
}
