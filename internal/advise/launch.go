package advise

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/advise/script"
	"github.com/podseal/podseal/internal/image"
)

const (
	maxDepth  = 8         // scripts that start scripts
	maxScript = 256 << 10 // larger programs are no scripts
)

// drop is one place where a program becomes another user.
type drop struct {
	user  string // as written, variables replaced where known
	tool  string // "gosu", or what the setting is called
	where Evidence
	// whole is true where the container's main process is replaced: nothing goes on as root.
	whole bool
}

// program is a program that a container's start leads to, and that is no shell script.
type program struct {
	path  string // in the image; the bare name where the image does not have it
	argv  []string
	where Evidence
}

// launch is what starting a container leads to, read from its files without running them.
type launch struct {
	drops    []drop
	programs []program
}

// launcher follows a command line through the scripts of an image.
type launcher struct {
	tree image.Tree
	env  map[string]string
	dir  string // working directory
	out  launch
	seen map[string]bool // scripts that were read
}

func newLauncher(tree image.Tree, env []string, dir string) *launcher {
	l := &launcher{tree: tree, env: map[string]string{}, dir: path.Join("/", dir), seen: map[string]bool{}}
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		l.env[name] = value
	}
	return l
}

// wrappers run the command that follows their options, as the same user.
var wrappers = map[string][]string{ // with the options that take a value
	"tini": {"-p", "-e"}, "tini-static": {"-p", "-e"}, "docker-init": nil, "dumb-init": {"-r", "--rewrite"}, "catatonit": nil,
	"env": {"-u", "-C"}, "nice": {"-n"}, "exec": {"-a"}, "nohup": nil, "stdbuf": {"-i", "-o", "-e"}, "command": nil,
	"setsid": nil, "ionice": {"-c", "-n"}, "with-contenv": nil,
}

var shells = []string{"sh", "bash", "dash", "ash", "ksh", "zsh", "busybox", "with-contenv"}

// run follows one command line. where tells who starts it.
func (l *launcher) run(ctx context.Context, argv []string, where Evidence, depth int) error {
	argv = unwrap(argv)
	if len(argv) == 0 || depth > maxDepth {
		return nil
	}
	if user, ok := dropOf(argv); ok {
		l.drop(user, argv, where, true)
		return nil
	}
	name := path.Base(argv[0])
	if slices.Contains(shells, name) && len(argv) > 2 && strings.HasSuffix(argv[1], "c") && strings.HasPrefix(argv[1], "-") {
		return l.script(ctx, argv[2], where.Where, where.Line, tail(argv, 4), depth+1)
	}
	if slices.Contains(shells, name) && len(argv) > 1 && !strings.HasPrefix(argv[1], "-") {
		argv = argv[1:]
	}
	at, text, err := l.read(ctx, argv[0])
	if err != nil {
		return err
	}
	if interpreter(text) {
		if l.seen[at] {
			return nil
		}
		l.seen[at] = true
		return l.script(ctx, text, at, 1, argv[1:], depth+1)
	}
	l.out.programs = append(l.out.programs, program{path: at, argv: argv, where: where})
	return nil
}

func tail(words []string, from int) []string {
	return words[min(from, len(words)):]
}

// unwrap takes wrappers and their options off a command line.
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
func (l *launcher) read(ctx context.Context, name string) (at, text string, err error) {
	dirs := l.env["PATH"]
	if strings.HasPrefix(name, "./") || (strings.Contains(name, "/") && !path.IsAbs(name)) {
		name = path.Join(l.dir, name)
	}
	at, ok, err := image.HasProgram(ctx, l.tree, name, dirs)
	if err != nil {
		return "", "", fmt.Errorf("looking for %s: %w", name, err)
	}
	if !ok {
		at = name
		if !path.IsAbs(name) {
			return at, "", nil
		}
	}
	real, err := image.Resolve(ctx, l.tree, at)
	if errors.Is(err, image.ErrLoop) {
		return at, "", nil
	}
	if err != nil {
		return "", "", err
	}
	e, ok, err := l.tree.Lookup(ctx, real)
	if err != nil || !ok || e.Kind != image.File || e.Size > maxScript {
		return at, "", err
	}
	data, err := l.tree.ReadFile(ctx, real)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", "", err
	}
	return at, string(data), nil
}

// interpreter tells whether a program's text is a script for a shell.
func interpreter(text string) bool {
	line, _, _ := strings.Cut(text, "\n")
	line, ok := strings.CutPrefix(line, "#!")
	if !ok {
		return false
	}
	return slices.ContainsFunc(strings.Fields(line), func(w string) bool { return slices.Contains(shells, path.Base(w)) })
}

// script follows the commands of a script: drops anywhere, programs where the script ends in them.
func (l *launcher) script(ctx context.Context, text, at string, line int, args []string, depth int) error {
	vars := maps.Clone(l.env)
	commands, lines := script.Parse(text), strings.Split(text, "\n")
	for i, c := range commands {
		where := Evidence{Where: at, Line: line + c.Line - 1, Text: strings.TrimSpace(lines[min(c.Line, len(lines))-1])}
		words := l.assign(c.Words, vars, where)
		if len(words) == 0 {
			continue
		}
		var err error
		switch last := i == len(commands)-1; {
		case words[0] == "." || words[0] == "source":
			err = l.source(ctx, words, vars, depth)
		case words[0] == "set" && len(words) > 3 && words[1] == "--":
			l.tool(words[2:], vars, where, true)
		case words[0] == "exec" || last:
			if !l.tool(unwrap(words), vars, where, true) {
				err = l.exec(ctx, unwrap(words), args, vars, where, depth)
			}
		default:
			l.tool(unwrap(words), vars, where, false)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// assign takes the assignments at the start of a command. A value that is itself a drop ("gosu NAME") is used as the
// start of a later command.
func (l *launcher) assign(words []string, vars map[string]string, where Evidence) []string {
	for len(words) > 0 {
		if w := words[0]; w == "export" || w == "local" || w == "readonly" || w == "declare" {
			words = words[1:]
			continue
		}
		name, value, ok := script.Assignment(words[0])
		if !ok {
			return words
		}
		if v, known := script.Expand(value, vars); known {
			vars[name] = v
		}
		l.tool(unwrap(strings.Fields(value)), vars, where, true)
		words = words[1:]
	}
	return words
}

func (l *launcher) source(ctx context.Context, words []string, vars map[string]string, depth int) error {
	if len(words) < 2 || depth > maxDepth {
		return nil
	}
	name, ok := script.Expand(words[1], vars)
	if !ok {
		return nil
	}
	at, text, err := l.read(ctx, name)
	if err != nil || l.seen[at] || !path.IsAbs(at) {
		return err
	}
	l.seen[at] = true
	return l.script(ctx, text+"\n:\n", at, 1, nil, depth+1)
}

// tool records a drop if the command is one. Only drops of a command that replaces the shell are whole.
func (l *launcher) tool(words []string, vars map[string]string, where Evidence, whole bool) bool {
	user, ok := dropOf(words)
	if !ok {
		return false
	}
	if known, ok := script.Expand(user, vars); ok {
		user = known
	}
	l.drop(user, words, where, whole)
	return true
}

func (l *launcher) drop(user string, words []string, where Evidence, whole bool) {
	l.out.drops = append(l.out.drops, drop{user: user, tool: path.Base(words[0]), where: where, whole: whole})
}

// exec follows a command that replaces the script: its arguments, the script's own where it passes them on.
func (l *launcher) exec(ctx context.Context, words, args []string, vars map[string]string, where Evidence, depth int) error {
	var argv []string
	for _, w := range words {
		switch {
		case w == "$@" || w == "$*" || w == "${@}":
			argv = append(argv, args...)
		case w == "$0" || strings.Contains(w, "BASH_SOURCE"):
			return nil
		default:
			if v, ok := script.Expand(w, vars); ok {
				w = v
			}
			argv = append(argv, w)
		}
	}
	if len(argv) == 0 || strings.ContainsAny(argv[0], "$`") || isBuiltin(argv[0]) {
		return nil
	}
	return l.run(ctx, argv, where, depth+1)
}

func isBuiltin(word string) bool {
	return slices.Contains([]string{
		":", "true", "false", "exit", "return", "echo", "printf", "cd", "set", "shift", "trap", "wait", "test", "[", "[[", "eval",
		"export", "unset", "umask", "read", "sleep", "local", "break", "continue", ";;",
	}, word) || strings.HasPrefix(word, ">") || strings.HasPrefix(word, "<")
}
