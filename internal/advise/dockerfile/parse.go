// Package dockerfile finds out who an image of a Dockerfile runs as, and changes the Dockerfile so that it is a numeric
// non-root user. It touches no line that it does not have to.
package dockerfile

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// Instruction is one instruction of a stage.
type Instruction struct {
	Name       string   // lower case
	Words      []string // arguments, as written
	Flags      []string // "--chown=..."
	Line, Last int      // from 1
	Text       string   // for a RUN: what the shell gets, here-documents included
}

// Stage is one stage of a Dockerfile.
type Stage struct {
	Name   string
	Base   string // ARGs replaced; empty where they have no value
	Parent int    // the stage that Base names; -1 if it is an image
	From   Instruction
	Body   []Instruction

	User     string // the last USER of this stage, ARGs and ENVs replaced; empty if it has none
	UserAt   int    // index of that USER in Body; -1 if there is none
	UserText string // as written
}

// File is a parsed Dockerfile.
type File struct {
	Stages []Stage

	lines []string // without line ends
	eol   string
	final bool // the last line ends in eol
}

// Parse reads a Dockerfile. args are build arguments, which go before the defaults of its ARGs.
func Parse(data []byte, args map[string]string) (*File, error) {
	result, err := parser.Parse(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("parsing the Dockerfile: %w", err)
	}
	f := &File{eol: "\n"}
	if bytes.Contains(data, []byte("\r\n")) {
		f.eol = "\r\n"
	}
	text := string(data)
	f.final = strings.HasSuffix(text, f.eol)
	f.lines = strings.Split(strings.TrimSuffix(text, f.eol), f.eol)
	p := stageParser{file: f, given: args, lex: shell.NewLex(result.EscapeToken), global: map[string]string{}}
	for _, n := range result.AST.Children {
		if err := p.add(instruction(n)); err != nil {
			return nil, err
		}
	}
	if len(f.Stages) == 0 {
		return nil, fmt.Errorf("parsing the Dockerfile: it has no FROM")
	}
	return f, nil
}

func instruction(n *parser.Node) Instruction {
	in := Instruction{Name: strings.ToLower(n.Value), Flags: n.Flags, Line: n.StartLine, Last: n.EndLine}
	for x := n.Next; x != nil; x = x.Next {
		in.Words = append(in.Words, x.Value)
	}
	in.Text = strings.Join(in.Words, " ")
	for _, h := range n.Heredocs {
		in.Text += "\n" + h.Content
	}
	return in
}

// stageParser follows ARG, ENV and USER through the stages.
type stageParser struct {
	file   *File
	lex    *shell.Lex
	given  map[string]string // build arguments
	global map[string]string
	vars   map[string]string
	all    []map[string]string // ENVs of each stage, which a stage FROM it inherits
}

func (p *stageParser) add(in Instruction) error {
	switch {
	case in.Name == "from":
		return p.from(in)
	case len(p.file.Stages) == 0:
		if in.Name == "arg" {
			p.args(in, p.global, p.global)
		}
		return nil
	}
	s := &p.file.Stages[len(p.file.Stages)-1]
	s.Body = append(s.Body, in)
	switch in.Name {
	case "arg":
		p.args(in, p.vars, p.global)
	case "env":
		p.env(in)
	case "user":
		if len(in.Words) > 0 {
			s.UserText = in.Words[0]
			s.User = p.expand(strings.Join(in.Words, " "), p.vars)
			s.UserAt = len(s.Body) - 1
		}
	}
	return nil
}

func (p *stageParser) from(in Instruction) error {
	if len(in.Words) == 0 {
		return fmt.Errorf("parsing the Dockerfile: FROM in line %d has no image", in.Line)
	}
	s := Stage{Base: p.expand(in.Words[0], p.global), Parent: -1, From: in, UserAt: -1}
	if len(in.Words) == 3 && strings.EqualFold(in.Words[1], "as") {
		s.Name = in.Words[2]
	}
	p.vars = map[string]string{}
	for i, earlier := range p.file.Stages {
		if earlier.Name != "" && strings.EqualFold(earlier.Name, s.Base) {
			s.Parent = i
			for k, v := range p.all[i] {
				p.vars[k] = v
			}
		}
	}
	p.file.Stages = append(p.file.Stages, s)
	p.all = append(p.all, p.vars)
	return nil
}

// args takes ARG NAME=DEFAULT and ARG NAME, which takes a global one's value.
func (p *stageParser) args(in Instruction, vars, global map[string]string) {
	for _, w := range in.Words {
		name, value, given := strings.Cut(w, "=")
		if v, ok := p.given[name]; ok {
			vars[name] = v
		} else if given {
			vars[name] = p.expand(value, vars)
		} else if v, ok := global[name]; ok {
			vars[name] = v
		}
	}
}

// env takes ENV NAME VALUE pairs; the parser gives name, value and a separator in turn.
func (p *stageParser) env(in Instruction) {
	for i := 0; i+1 < len(in.Words); i += 3 {
		p.vars[in.Words[i]] = p.expand(in.Words[i+1], p.vars)
	}
}

// expand replaces variables; what cannot be replaced is empty.
func (p *stageParser) expand(word string, vars map[string]string) string {
	env := make([]string, 0, len(vars))
	for k, v := range vars {
		env = append(env, k+"="+v)
	}
	out, _, err := p.lex.ProcessWord(word, shell.EnvsFromSlice(env))
	if err != nil {
		return ""
	}
	return out
}

// chain are the stages that the final one is made from, itself first, and the image that they begin with.
func (f *File) chain(target int) (stages []*Stage, base string) {
	for i := target; i >= 0; i = f.Stages[i].Parent {
		stages = append(stages, &f.Stages[i])
		base = f.Stages[i].Base
	}
	return stages, base
}

// stage finds the stage that is built: the last one, or the one of that name.
func (f *File) stage(target string) (int, error) {
	if target == "" {
		return len(f.Stages) - 1, nil
	}
	for i, s := range f.Stages {
		if strings.EqualFold(s.Name, target) {
			return i, nil
		}
	}
	return 0, fmt.Errorf("the Dockerfile has no stage %q", target)
}

// bases are the images that the stages begin with, each once.
func (f *File) bases() []string {
	var out []string
	for _, s := range f.Stages {
		if s.Parent < 0 && s.Base != "" && s.Base != "scratch" && !slices.Contains(out, s.Base) {
			out = append(out, s.Base)
		}
	}
	return out
}
