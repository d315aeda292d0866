package advise

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/advise/script"
)

// leaf is a program that a container runs for long, and what makes it another user; by is nil where nothing does.
type leaf struct {
	program program
	by      *drop
}

// maxConfigs bounds the configuration files that are read for one program.
const maxConfigs = 60

// userSettings are the ways in which daemons are told their user in a configuration file, as classes: a directive with a
// semicolon, a directive, a key with a value.
var userSettings = []*regexp.Regexp{
	regexp.MustCompile(`(?i)^\s*user\s+"?([\w.-]+)"?(?:\s+[\w.-]+)?\s*;`),
	regexp.MustCompile(`(?i)^\s*user\s+"?([\w.-]+|\$\{?\w+\}?)"?\s*$`),
	regexp.MustCompile(`(?i)^\s*(?:user|run_?as|run_?as_?user|run_?user|daemon_user)\s*[=:]\s*["']?([\w.-]+)["']?\s*(?:[;#].*)?$`),
}

var (
	includeLine = regexp.MustCompile(`(?i)^\s*(?:include|includeoptional|!include|!includedir|files)\s*=?\s*["']?([^"';]+)["']?;?\s*$`)
	commandLine = regexp.MustCompile(`^\s*command\s*=\s*(.+?)\s*$`)
	sectionLine = regexp.MustCompile(`^\s*\[[^\]]+\]\s*$`)
)

// leaves tells for each program whether a setting of its own makes it another user. Supervisors are replaced by what
// they run.
func (a *analysis) leaves(ctx context.Context, programs []program, depth int) ([]leaf, error) {
	var out []leaf
	for _, p := range programs {
		if depth > 3 {
			out = append(out, leaf{program: p})
			continue
		}
		if d := a.argumentUser(p); d != nil {
			out = append(out, leaf{p, d})
			continue
		}
		services, err := a.services(ctx, p, depth)
		if err != nil {
			return nil, err
		}
		configured, err := a.configured(ctx, p, depth)
		if err != nil {
			return nil, err
		}
		out = append(out, services...)
		out = append(out, configured...)
		if len(services)+len(configured) == 0 {
			out = append(out, leaf{program: p})
		}
	}
	return out, nil
}

// argumentUser finds the user in a daemon's own arguments ("-u NAME", "--user NAME", "--user=NAME").
func (a *analysis) argumentUser(p program) *drop {
	for i, arg := range p.argv {
		name, value, joined := strings.Cut(arg, "=")
		if name != "-u" && name != "--user" && name != "-U" {
			continue
		}
		if !joined && i+1 < len(p.argv) {
			value = p.argv[i+1]
		}
		if a.account(value) {
			return &drop{user: value, tool: "argument " + name, where: p.where}
		}
	}
	return nil
}

// account tells whether a name is an account of the image that is not root.
func (a *analysis) account(name string) bool {
	acct, ok := a.users.ByName(name)
	return ok && acct.UID != 0
}

// config is one configuration file.
type config struct{ at, text string }

// configured reads the program's configuration files: its own user setting, and the programs that it is to run.
func (a *analysis) configured(ctx context.Context, p program, depth int) ([]leaf, error) {
	files, err := a.configs(ctx, p)
	if err != nil {
		return nil, err
	}
	var out []leaf
	for _, f := range files {
		children, err := a.commands(ctx, f, depth)
		if err != nil {
			return nil, err
		}
		out = append(out, children...)
	}
	if len(out) > 0 {
		return out, nil
	}
	for _, f := range files {
		if d := a.setting(f); d != nil {
			return []leaf{{p, d}}, nil
		}
	}
	return nil, nil
}

// setting finds the first user setting of a file that names an account of the image.
func (a *analysis) setting(f config) *drop {
	n := 0
	for line := range strings.Lines(f.text) {
		n++
		for _, re := range userSettings {
			m := re.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
			if m == nil {
				continue
			}
			name, ok := script.Expand(m[1], a.env)
			if ok && a.account(name) {
				where := Evidence{Where: f.at, Line: n, Text: strings.TrimSpace(line)}
				return &drop{user: name, tool: "setting", where: where}
			}
		}
	}
	return nil
}

// commands finds the programs that a supervisor's configuration starts, section by section.
func (a *analysis) commands(ctx context.Context, f config, depth int) ([]leaf, error) {
	var out []leaf
	for _, s := range sections(f) {
		if s.command == "" {
			continue
		}
		where := Evidence{Where: f.at, Line: s.line, Text: "command=" + s.command}
		if d := a.setting(config{f.at, s.text}); d != nil {
			d.where.Line += s.first - 1
			out = append(out, leaf{program{argv: strings.Fields(s.command), where: where}, d})
			continue
		}
		leaves, err := a.follow(ctx, []string{"sh", "-c", s.command}, where, depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, leaves...)
	}
	return out, nil
}

type section struct {
	text, command string
	first, line   int // of the section, and of its command
}

func sections(f config) []section {
	var out []section
	cur := section{first: 1}
	n := 0
	for line := range strings.Lines(f.text) {
		n++
		bare := strings.TrimRight(line, "\r\n")
		if sectionLine.MatchString(bare) {
			out = append(out, cur)
			cur = section{first: n}
		}
		if m := commandLine.FindStringSubmatch(bare); m != nil {
			cur.command, cur.line = m[1], n
		}
		cur.text += line
	}
	return append(out, cur)
}

// superviseTools run each script called "run" below their folders.
var superviseTools = []string{"init", "s6-svscan", "runsvdir", "runsvdir-start"}

// services follows the run scripts of a supervisor that has one folder a service.
func (a *analysis) services(ctx context.Context, p program, depth int) ([]leaf, error) {
	if !slices.Contains(superviseTools, path.Base(p.path)) {
		return nil, nil
	}
	var out []leaf
	for _, dir := range []string{"/etc/services.d", "/etc/s6-overlay/s6-rc.d", "/etc/s6", "/etc/service", "/etc/sv"} {
		entries, _, err := a.tree.List(ctx, dir, 2000)
		if err != nil {
			return nil, fmt.Errorf("listing %s: %w", dir, err)
		}
		for _, e := range entries {
			if path.Base(e.Path) != "run" {
				continue
			}
			leaves, err := a.follow(ctx, []string{e.Path}, Evidence{Where: e.Path}, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, leaves...)
		}
	}
	return out, nil
}

// follow reads a command line's scripts and gives the programs it ends in, with what makes them another user.
func (a *analysis) follow(ctx context.Context, argv []string, where Evidence, depth int) ([]leaf, error) {
	l := newLauncher(a.tree, nil, a.dir)
	l.env = a.env
	if err := l.run(ctx, argv, where, 0); err != nil {
		return nil, err
	}
	for _, d := range l.out.drops {
		if d.whole && d.user != "root" && d.user != "0" {
			return []leaf{{program{argv: argv, where: where}, &d}}, nil
		}
	}
	return a.leaves(ctx, l.out.programs, depth)
}
