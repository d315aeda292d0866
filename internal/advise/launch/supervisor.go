package launch

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
)

// commands finds the programs that a supervisor's configuration starts, section by section.
func (r Reader) commands(ctx context.Context, f config, depth int) ([]Leaf, error) {
	var out []Leaf
	for _, s := range sections(f) {
		if s.command == "" {
			continue
		}
		where := CommandAt(f.at, s.line, "command="+s.command)
		if d := r.setting(config{f.at, s.text}); d != nil {
			d.Where.Line += s.first - 1
			out = append(out, Leaf{Program{Argv: strings.Fields(s.command), Where: where}, d})
			continue
		}
		leaves, err := r.leavesOf(ctx, []string{"sh", "-c", s.command}, where, depth+1)
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
func (r Reader) services(ctx context.Context, p Program, depth int) ([]Leaf, error) {
	if !slices.Contains(superviseTools, path.Base(p.Path)) {
		return nil, nil
	}
	var out []Leaf
	for _, dir := range []string{"/etc/services.d", "/etc/s6-overlay/s6-rc.d", "/etc/s6", "/etc/service", "/etc/sv"} {
		entries, _, err := r.Tree.List(ctx, dir, 2000)
		if err != nil {
			return nil, fmt.Errorf("listing %s: %w", dir, err)
		}
		for _, e := range entries {
			if path.Base(e.Path) != "run" {
				continue
			}
			leaves, err := r.leavesOf(ctx, []string{e.Path}, Evidence{Where: e.Path}, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, leaves...)
		}
	}
	return out, nil
}

// leavesOf returns the programs that a command line ends in, with the user that each becomes.
func (r Reader) leavesOf(ctx context.Context, argv []string, where Evidence, depth int) ([]Leaf, error) {
	start, err := r.Follow(ctx, argv, where)
	if err != nil {
		return nil, err
	}
	for _, d := range start.Drops {
		if d.Whole && d.User != "root" && d.User != "0" {
			return []Leaf{{Program{Argv: argv, Where: where}, &d}}, nil
		}
	}
	return r.leaves(ctx, start.Programs, depth)
}
