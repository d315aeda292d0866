package launch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/advise/shellscript"
	"github.com/podseal/podseal/internal/image"
)

const (
	maxDepth  = 8         // scripts that start scripts
	maxScript = 128 << 10 // larger programs are no scripts
)

// follower follows a command line through the scripts of an image.
type follower struct {
	tree image.Tree
	env  map[string]string
	dir  string
	out  Start
	seen map[string]bool // scripts that were read

	guarded bool // the script at hand asks who runs it
}

// wrappers run the command that follows their options, as the same user.
var wrappers = map[string][]string{ // with the options that take a value
	"tini": {"-p", "-e"}, "tini-static": {"-p", "-e"}, "docker-init": nil, "dumb-init": {"-r", "--rewrite"}, "catatonit": nil,
	"env": {"-u", "-C"}, "nice": {"-n"}, "exec": {"-a"}, "nohup": nil, "stdbuf": {"-i", "-o", "-e"}, "command": nil,
	"setsid": nil, "ionice": {"-c", "-n"}, "with-contenv": nil,
}

var shells = []string{"sh", "bash", "dash", "ash", "ksh", "zsh", "busybox", "with-contenv"}

// run follows one command line; where is the place that starts it.
func (f *follower) run(ctx context.Context, argv []string, where Evidence, depth int) error {
	argv = unwrap(argv)
	if len(argv) == 0 || depth > maxDepth {
		return nil
	}
	if f.tool(argv, where, true) {
		return nil
	}
	name := path.Base(argv[0])
	if slices.Contains(shells, name) && len(argv) > 2 && strings.HasSuffix(argv[1], "c") && strings.HasPrefix(argv[1], "-") {
		return f.script(ctx, source{argv[2], where.Where, where.Line, tail(argv, 4)}, depth+1)
	}
	if slices.Contains(shells, name) && len(argv) > 1 && !strings.HasPrefix(argv[1], "-") {
		argv = argv[1:]
	}
	at, text, err := f.read(ctx, argv[0])
	if err != nil {
		return err
	}
	if interpreter(text) {
		if f.seen[at] {
			return nil
		}
		f.seen[at] = true
		return f.script(ctx, source{text, at, 1, argv[1:]}, depth+1)
	}
	f.out.Programs = append(f.out.Programs, Program{Path: at, Argv: argv, Where: where})
	return nil
}

func tail(words []string, from int) []string {
	return words[min(from, len(words)):]
}

// unwrap removes wrappers and their options from the front of a command line.
func unwrap(argv []string) []string {
	for len(argv) > 0 {
		valued, ok := wrappers[path.Base(argv[0])]
		if !ok {
			return argv
		}
		argv = argv[1:]
		for len(argv) > 0 && (strings.HasPrefix(argv[0], "-") || strings.Contains(argv[0], "=")) {
			n := 1
			if slices.Contains(valued, argv[0]) {
				n = 2
			}
			argv = tail(argv, n)
		}
	}
	return argv
}

// read finds a program and, where it may be a script, its text.
func (f *follower) read(ctx context.Context, name string) (at, text string, err error) {
	if strings.Contains(name, "/") && !path.IsAbs(name) {
		name = path.Join(f.dir, name)
	}
	at, ok, err := image.HasProgram(ctx, f.tree, name, f.env["PATH"])
	if err != nil {
		return "", "", fmt.Errorf("looking for %s: %w", name, err)
	}
	if !ok {
		at = name
		if !path.IsAbs(name) {
			return at, "", nil
		}
	}
	real, err := image.Resolve(ctx, f.tree, at)
	if errors.Is(err, image.ErrLoop) {
		return at, "", nil
	}
	if err != nil {
		return "", "", err
	}
	e, _, err := f.tree.Lookup(ctx, real)
	if err != nil || e.Kind != image.File || e.Size > maxScript {
		return at, "", err
	}
	data, err := f.tree.ReadFile(ctx, real)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", "", err
	}
	return at, string(data), nil
}

// interpreter reports whether a program's text is a script for a shell.
func interpreter(text string) bool {
	line, _, _ := strings.Cut(text, "\n")
	line, ok := strings.CutPrefix(line, "#!")
	if !ok {
		return false
	}
	return slices.ContainsFunc(strings.Fields(line), func(w string) bool { return slices.Contains(shells, path.Base(w)) })
}

// source is a script with its place and its arguments.
type source struct {
	text string
	at   string
	line int // of its first line
	args []string
}

// asksUser matches the commands and variables by which a script asks who runs it. id with a name asks for the number of
// another user.
var asksUser = regexp.MustCompile(`(?m)\bid\s+-(?:u|nu|un)\b(?:\s+-n\b)?(?:\s*$|\s+\d?>|\s*[^\s\w$"'-])|\bwhoami\b|\$\{?E?UID\b`)

// script follows the commands of a script: drops anywhere, programs where the script ends in them. Of a script that cannot
// be parsed, the commands before that place count.
func (f *follower) script(ctx context.Context, s source, depth int) error {
	env := shellscript.Env{Vars: map[string]string{}, Args: s.args}
	maps.Copy(env.Vars, f.env)
	return f.commands(ctx, s, env, depth)
}

// commands follows the commands of a script with the variables of the one that includes it.
func (f *follower) commands(ctx context.Context, s source, env shellscript.Env, depth int) error {
	outer := f.guarded
	f.guarded = outer || asksUser.MatchString(s.text)
	defer func() { f.guarded = outer }()
	commands, _ := shellscript.Parse(s.text)
	lines := strings.Split(s.text, "\n")
	for i, c := range commands {
		where := CommandAt(s.at, s.line+c.Line-1, strings.TrimSpace(lines[min(c.Line, len(lines))-1]))
		words := c.Words(env)
		c.Assign(env)
		if len(words) == 0 {
			continue
		}
		if err := f.command(ctx, words, env, where, i == len(commands)-1, depth); err != nil {
			return err
		}
	}
	return nil
}

// command follows one command of a script; last reports whether the script ends in it.
func (f *follower) command(ctx context.Context, words []string, env shellscript.Env, where Evidence, last bool, depth int) error {
	switch {
	case words[0] == "." || words[0] == "source":
		return f.include(ctx, words, env, depth)
	case words[0] == "set" && len(words) > 1 && words[1] == "--":
		f.tool(words[2:], where, true)
	case words[0] == "exec" || last:
		if words = unwrap(words); !f.tool(words, where, true) {
			return f.exec(ctx, words, where, depth)
		}
	default:
		f.tool(unwrap(words), where, false)
	}
	return nil
}

// include follows a script that another one reads.
func (f *follower) include(ctx context.Context, words []string, env shellscript.Env, depth int) error {
	if len(words) == 1 || depth > maxDepth {
		return nil
	}
	at, text, err := f.read(ctx, words[1])
	if err != nil || f.seen[at] {
		return err
	}
	f.seen[at] = true
	return f.commands(ctx, source{text + "\n:\n", at, 1, nil}, env, depth+1) // ":" since the script goes on after it
}

// tool reports whether the command is a drop, which it records. Only drops of a command that replaces the shell are whole.
func (f *follower) tool(words []string, where Evidence, whole bool) bool {
	user := dropOf(words)
	if user == "" {
		return false
	}
	f.out.Drops = append(f.out.Drops, Drop{User: user, Tool: path.Base(words[0]), Where: where, Whole: whole, Guarded: f.guarded})
	return true
}

// exec follows a command that replaces the script. A script that starts itself again leads nowhere new.
func (f *follower) exec(ctx context.Context, argv []string, where Evidence, depth int) error {
	self := func(w string) bool { return w == "$0" || strings.Contains(w, "BASH_SOURCE") }
	if len(argv) == 0 || slices.ContainsFunc(argv, self) || strings.ContainsAny(argv[0], "$`") || isBuiltin(argv[0]) {
		return nil
	}
	return f.run(ctx, argv, where, depth+1)
}

func isBuiltin(word string) bool {
	return slices.Contains([]string{
		":", "true", "false", "exit", "return", "echo", "printf", "cd", "set", "shift", "trap", "wait", "test", "[", "eval",
		"export", "unset", "umask", "read", "sleep", "break", "continue",
	}, word)
}
