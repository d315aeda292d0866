package advise

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/advise/script"
	"github.com/podseal/podseal/internal/image"
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

// configs finds the configuration files of a program: those of its arguments, those at the usual places for its name,
// and those that they include.
func (a *analysis) configs(ctx context.Context, p program) ([]config, error) {
	var out []config
	seen := map[string]bool{}
	names := append(a.argumentFiles(p), a.usualFiles(ctx, p)...)
	for len(names) > 0 && len(seen) < 20*maxConfigs && len(out) < maxConfigs {
		at := names[0]
		names = names[1:]
		if seen[at] {
			continue
		}
		seen[at] = true
		e, ok, err := a.lookup(ctx, at)
		if err != nil {
			return nil, err
		}
		if !ok || e.Kind != image.File || e.Size > maxScript || e.Mode&0o111 != 0 {
			continue
		}
		data, err := a.tree.ReadFile(ctx, at)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading configuration %s: %w", at, err)
		}
		f := config{at, string(data)}
		out = append(out, f)
		more, err := a.includes(ctx, f)
		if err != nil {
			return nil, err
		}
		names = append(names, more...)
	}
	return out, nil
}

// lookup follows links.
func (a *analysis) lookup(ctx context.Context, at string) (image.Entry, bool, error) {
	real, err := image.Resolve(ctx, a.tree, at)
	if errors.Is(err, image.ErrLoop) {
		return image.Entry{}, false, nil
	}
	if err != nil {
		return image.Entry{}, false, err
	}
	return a.tree.Lookup(ctx, real)
}

// argumentFiles are the arguments that may be configuration files. Relative ones are meant below the working folder or
// below the folder that another argument names.
func (a *analysis) argumentFiles(p program) []string {
	dirs := []string{a.dir}
	var out []string
	for _, arg := range tail(p.argv, 1) {
		if _, value, ok := strings.Cut(arg, "="); ok {
			arg = value
		}
		if strings.HasPrefix(arg, "-") && len(arg) > 3 && arg[2] == '/' {
			arg = arg[2:]
		}
		if path.IsAbs(arg) {
			out = append(out, path.Clean(arg))
			dirs = append(dirs, path.Clean(arg))
		}
	}
	for _, arg := range tail(p.argv, 1) {
		if !path.IsAbs(arg) && !strings.HasPrefix(arg, "-") && strings.Contains(arg, ".") && len(arg) < 200 {
			for _, dir := range dirs {
				out = append(out, path.Join(dir, arg))
			}
		}
	}
	return out
}

// usualFiles are the places where a daemon's configuration is by convention, for the name it is called by and for the
// name of the program that this is a link to.
func (a *analysis) usualFiles(ctx context.Context, p program) []string {
	names := []string{path.Base(p.path)}
	dirs := []string{a.dir, path.Join(a.dir, "conf"), path.Join(a.dir, "etc")}
	if real, err := image.Resolve(ctx, a.tree, p.path); err == nil && path.IsAbs(p.path) {
		if n := path.Base(real); n != names[0] {
			names = append(names, n)
		}
		prefix := path.Dir(path.Dir(real))
		dirs = append(dirs, path.Join(prefix, "conf"), path.Join(prefix, "etc"))
	}
	var out []string
	for _, name := range names {
		stem := strings.TrimSuffix(name, "d")
		all := append(slices.Clone(dirs), "/etc/"+name, "/etc", "/usr/local/etc/"+name, "/usr/local/etc", "/etc/"+stem)
		for _, dir := range all {
			for _, ext := range []string{".conf", ".cfg", ".ini"} {
				out = append(out, path.Join(dir, name+ext))
			}
		}
	}
	return out
}

// includes are the files that a configuration includes, patterns replaced by what the image has.
func (a *analysis) includes(ctx context.Context, f config) ([]string, error) {
	var out []string
	for line := range strings.Lines(f.text) {
		m := includeLine.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
		if m == nil {
			continue
		}
		for _, pattern := range strings.Fields(m[1]) {
			if !path.IsAbs(pattern) {
				pattern = path.Join(path.Dir(f.at), pattern)
			}
			found, err := a.glob(ctx, pattern)
			if err != nil {
				return nil, err
			}
			out = append(out, found...)
		}
	}
	return out, nil
}

func (a *analysis) glob(ctx context.Context, pattern string) ([]string, error) {
	dir := path.Dir(pattern)
	if !strings.ContainsAny(pattern, "*?[") {
		return []string{pattern}, nil
	}
	if strings.ContainsAny(dir, "*?[") {
		return nil, nil
	}
	entries, _, err := a.tree.List(ctx, dir, maxConfigs*10)
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", dir, err)
	}
	var out []string
	for _, e := range entries {
		at := path.Join(dir, path.Base(e.Path))
		if ok, err := path.Match(pattern, at); ok && err == nil && path.Dir(e.Path) == dir && len(out) < maxConfigs {
			out = append(out, at)
		}
	}
	return out, nil
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
