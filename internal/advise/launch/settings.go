package launch

import (
	"context"
	"regexp"
	"strings"

	"github.com/podseal/podseal/internal/advise/shellscript"
)

// maxConfigs bounds the configuration files that are read for one program.
const maxConfigs = 60

// userSettings match the settings of daemons that name their user, as classes: a directive with a semicolon, a directive, a
// key with a value.
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

// Leaves returns for each program its own setting that makes it another user. A supervisor is replaced by the
// programs that it runs.
func (r Reader) Leaves(ctx context.Context, programs []Program) ([]Leaf, error) {
	return r.leaves(ctx, programs, 0)
}

func (r Reader) leaves(ctx context.Context, programs []Program, depth int) ([]Leaf, error) {
	var out []Leaf
	for _, p := range programs {
		if depth > 3 {
			out = append(out, Leaf{Program: p})
			continue
		}
		if d := r.argumentUser(p); d != nil {
			out = append(out, Leaf{p, d})
			continue
		}
		services, err := r.services(ctx, p, depth)
		if err != nil {
			return nil, err
		}
		configured, err := r.configured(ctx, p, depth)
		if err != nil {
			return nil, err
		}
		out = append(out, services...)
		out = append(out, configured...)
		if len(services)+len(configured) == 0 {
			out = append(out, Leaf{Program: p})
		}
	}
	return out, nil
}

// argumentUser finds the user in a daemon's own arguments ("-u NAME", "--user NAME", "--user=NAME").
func (r Reader) argumentUser(p Program) *Drop {
	for i, arg := range p.Argv {
		name, value, joined := strings.Cut(arg, "=")
		if name != "-u" && name != "--user" && name != "-U" {
			continue
		}
		if !joined && i+1 < len(p.Argv) {
			value = p.Argv[i+1]
		}
		if r.account(value) {
			return &Drop{User: value, Tool: "argument " + name, Where: p.Where}
		}
	}
	return nil
}

// config is one configuration file.
type config struct{ at, text string }

// configured reads the program's configuration files: its own user setting, and the programs that it is to run.
func (r Reader) configured(ctx context.Context, p Program, depth int) ([]Leaf, error) {
	files, err := r.configs(ctx, p)
	if err != nil {
		return nil, err
	}
	var out []Leaf
	for _, f := range files {
		children, err := r.commands(ctx, f, depth)
		if err != nil {
			return nil, err
		}
		out = append(out, children...)
	}
	if len(out) > 0 {
		return out, nil
	}
	for _, f := range files {
		if d := r.setting(f); d != nil {
			return []Leaf{{p, d}}, nil
		}
	}
	return nil, nil
}

// setting finds the first user setting of a file that names an account of the image.
func (r Reader) setting(f config) *Drop {
	n := 0
	for line := range strings.Lines(f.text) {
		n++
		for _, re := range userSettings {
			m := re.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
			if m == nil {
				continue
			}
			name, ok := shellscript.Expand(m[1], r.Env)
			if ok && r.account(name) {
				where := Evidence{Where: f.at, Line: n, Text: strings.TrimSpace(line)}
				return &Drop{User: name, Tool: "setting", Where: where}
			}
		}
	}
	return nil
}
