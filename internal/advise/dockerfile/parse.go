// Package dockerfile finds out which user an image of a Dockerfile runs as, and changes the Dockerfile so that the user is
// a numeric non-root one. It changes only the lines that it has to.
package dockerfile

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/command"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// Instruction is one instruction of a stage, as written.
type Instruction struct {
	Name       string   // lower case
	Words      []string // arguments
	Flags      []string // "--chown=..."
	Line, Last int      // from 1
	Exec       bool     // the arguments are a JSON array
	Heredocs   []parser.Heredoc
}

// Stage is one stage of a Dockerfile.
type Stage struct {
	Name     string
	Base     string // ARGs replaced; empty where they have no value
	Platform string // of the FROM; empty if it has none
	Parent   int    // the stage that Base names; -1 if it is an image
	From     Instruction
	Body     []Instruction
}

// File is a parsed Dockerfile.
type File struct {
	Stages []Stage

	given  map[string]string // build arguments
	global map[string]string // ARGs before the first FROM
	lex    *shell.Lex
	lines  []string // without line feeds
	crlf   bool     // the first line ends in a carriage return, so new lines do
	final  bool     // the last line ends in a line feed
}

// SyntaxError is a Dockerfile that the builder refuses.
type SyntaxError struct {
	Line int // 0 if it is not known
	Text string
}

// Error implements error.
func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return e.Text
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Text)
}

// Parse reads a Dockerfile. args are build arguments, which override the defaults of its ARGs. The error is a
// *SyntaxError.
func Parse(data []byte, args map[string]string) (*File, error) {
	if isEmpty(data) {
		return nil, &SyntaxError{Text: "the Dockerfile has no instructions: begin a stage with FROM IMAGE"}
	}
	result, err := parser.Parse(bytes.NewReader(data))
	if err != nil {
		return nil, syntaxError(err)
	}
	f := &File{given: args, global: map[string]string{}, lex: shell.NewLex(result.EscapeToken)}
	text := string(data)
	f.final = strings.HasSuffix(text, "\n")
	f.lines = strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	f.crlf = strings.HasSuffix(f.lines[0], "\r")
	for _, n := range result.AST.Children {
		if err := f.add(instruction(n)); err != nil {
			return nil, err
		}
	}
	if len(f.Stages) == 0 {
		return nil, &SyntaxError{Text: "the Dockerfile has no FROM: begin a stage with FROM IMAGE"}
	}
	return f, nil
}

// isEmpty reports whether a Dockerfile has only comments and empty lines.
func isEmpty(data []byte) bool {
	for line := range bytes.Lines(data) {
		if line = bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\ufeff"))); len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}

// syntaxError returns the parser's error with the line where it was found.
func syntaxError(err error) *SyntaxError {
	e := &SyntaxError{Text: err.Error()}
	var at *parser.LocationError
	if errors.As(err, &at) {
		for _, r := range slices.Concat(at.Locations...) {
			e.Line = cmp.Or(e.Line, r.Start.Line)
		}
	}
	return e
}

func instruction(n *parser.Node) Instruction {
	in := Instruction{
		Name: strings.ToLower(n.Value), Flags: n.Flags, Line: n.StartLine, Last: n.EndLine,
		Exec: n.Attributes["json"], Heredocs: n.Heredocs,
	}
	for x := n.Next; x != nil; x = x.Next {
		in.Words = append(in.Words, x.Value)
		for _, child := range x.Children { // of ONBUILD: its instruction
			trigger := instruction(child)
			in.Words = append([]string{trigger.Name}, trigger.Words...)
		}
	}
	return in
}

func (f *File) add(in Instruction) error {
	if _, ok := command.Commands[in.Name]; !ok {
		return &SyntaxError{Line: in.Line, Text: "unknown instruction " + strings.ToUpper(in.Name)}
	}
	switch {
	case in.Name == "from":
		return f.from(in)
	case len(f.Stages) == 0:
		if in.Name == "arg" {
			f.globalArgs(in)
		}
		return nil
	}
	s := &f.Stages[len(f.Stages)-1]
	s.Body = append(s.Body, in)
	return nil
}

func (f *File) from(in Instruction) error {
	if len(in.Words) == 0 {
		return &SyntaxError{Line: in.Line, Text: "FROM has no image: write FROM IMAGE"}
	}
	s := Stage{Base: f.expand(in.Words[0], f.global), Platform: f.expand(flag(in, "platform"), f.global), Parent: -1, From: in}
	if len(in.Words) == 3 && strings.EqualFold(in.Words[1], "as") {
		s.Name = in.Words[2]
	}
	if i, ok := f.named(s.Base); ok {
		s.Parent = i
	}
	f.Stages = append(f.Stages, s)
	return nil
}

// named returns the last stage of a name.
func (f *File) named(name string) (int, bool) {
	for i, s := range slices.Backward(f.Stages) {
		if s.Name != "" && strings.EqualFold(s.Name, name) {
			return i, true
		}
	}
	return 0, false
}

func (f *File) globalArgs(in Instruction) {
	for _, w := range in.Words {
		name, value, given := strings.Cut(w, "=")
		if v, ok := f.given[name]; ok {
			f.global[name] = v
		} else if given {
			f.global[name] = f.expand(value, f.global)
		}
	}
}

// flag returns the value of an instruction's --NAME=VALUE; empty if it has none.
func flag(in Instruction, name string) string {
	for _, f := range in.Flags {
		if value, ok := strings.CutPrefix(f, "--"+name+"="); ok {
			return value
		}
	}
	return ""
}

// stage returns the stage that is built: the last one, or the one of that name.
func (f *File) stage(target string) (int, error) {
	if target == "" {
		return len(f.Stages) - 1, nil
	}
	if i, ok := f.named(target); ok {
		return i, nil
	}
	return 0, fmt.Errorf("the Dockerfile has no stage %q", target)
}

// bases returns the images that the stages begin with, each once.
func (f *File) bases() []string {
	var out []string
	for _, s := range f.Stages {
		if s.Parent < 0 && s.Base != "" && s.Base != "scratch" && !slices.Contains(out, s.Base) {
			out = append(out, s.Base)
		}
	}
	return out
}
