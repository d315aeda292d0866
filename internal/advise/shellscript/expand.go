package shellscript

import (
	"errors"
	"io"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// The bounds of an expansion: scripts of images are hostile at worst.
const (
	maxWord   = 16 << 10 // bytes of a word that is expanded
	maxValue  = 4 << 10  // bytes of a value, and of an expanded word
	maxParams = 64       // expansions in a word
)

// errUnknown is a word whose value is not known before the script runs.
var errUnknown = errors.New("the value is not known")

// Env holds the variables and the positional parameters that are known.
type Env struct {
	Vars map[string]string
	Args []string // $1 and so on
}

// Words returns the command's words, expanded and split into fields as a shell does. A word that holds an unknown variable
// or a command substitution is one field, as written but for its quotes.
func (c Command) Words(env Env) []string {
	var out []string
	for _, w := range c.words {
		out = append(out, fields(w, env, c.source)...)
	}
	return out
}

// Write is a file that a command writes by a redirection.
type Write struct {
	Path   string
	Append bool
}

// Writes returns the files that the command's standard output goes to.
func (c Command) Writes(env Env) []Write {
	var out []Write
	for _, r := range c.redirs {
		if r.N != nil && r.N.Value != "1" {
			continue
		}
		switch r.Op {
		case syntax.RdrOut, syntax.RdrClob, syntax.RdrAll:
			out = append(out, Write{Path: text(r.Word, env, c.source)})
		case syntax.AppOut, syntax.AppAll:
			out = append(out, Write{Path: text(r.Word, env, c.source), Append: true})
		}
	}
	return out
}

// Input returns the text of the command's here-document or here-string, and whether it is known.
func (c Command) Input(env Env) (string, bool) {
	for _, r := range slices.Backward(c.redirs) {
		switch {
		case r.Hdoc != nil:
			return document(r.Hdoc, env)
		case r.Op == syntax.WordHdoc:
			s, err := literal(r.Word, env)
			return s + "\n", err == nil
		}
	}
	return "", false
}

// Assign sets the variables that the command assigns. It has no effect on a command that only has assignments in front of
// it. A variable whose new value is not known is removed.
func (c Command) Assign(env Env) {
	if len(c.words) > 0 {
		return
	}
	for _, a := range c.assigns {
		switch value, err := literal(a.Value, env); {
		case a.Name == nil || a.Naked:
		case err != nil || a.Array != nil || a.Index != nil || a.Append && env.Vars[a.Name.Value] == "":
			delete(env.Vars, a.Name.Value)
		case a.Append:
			set(env, a.Name.Value, env.Vars[a.Name.Value]+value)
		default:
			set(env, a.Name.Value, value)
		}
	}
}

func set(env Env, name, value string) {
	if len(value) > maxValue {
		delete(env.Vars, name)
		return
	}
	env.Vars[name] = value
}

// Expand expands one word of a shell, such as a value that a configuration file reads from the environment. The second
// result reports whether the value is known.
func Expand(word string, vars map[string]string) (string, bool) {
	if !strings.ContainsAny(word, "$`\\'\"") {
		return word, true
	}
	if len(word) > maxWord || depth(word) > maxDepth {
		return "", false
	}
	doc, err := syntax.NewParser().Document(strings.NewReader(word))
	if err != nil {
		return "", false
	}
	return document(doc, Env{Vars: vars})
}

func fields(w *syntax.Word, env Env, source string) []string {
	if !expandable(w) {
		return []string{unquoted(w.Parts, source)}
	}
	out, err := expand.Fields(config(env), w)
	if err != nil || len(strings.Join(out, "")) > maxValue {
		return []string{unquoted(w.Parts, source)}
	}
	return out
}

func text(w *syntax.Word, env Env, source string) string {
	if s, err := literal(w, env); err == nil {
		return s
	}
	return unquoted(w.Parts, source)
}

func literal(w *syntax.Word, env Env) (string, error) {
	if w == nil {
		return "", nil
	}
	if !expandable(w) {
		return "", errUnknown
	}
	s, err := expand.Literal(config(env), w)
	if err == nil && len(s) > maxValue {
		err = errUnknown
	}
	return s, err
}

func document(w *syntax.Word, env Env) (string, bool) {
	plain := !slices.ContainsFunc(w.Parts, func(p syntax.WordPart) bool { _, isText := p.(*syntax.Lit); return !isText })
	if !plain && !expandable(w) {
		return "", false
	}
	s, err := expand.Document(config(env), w)
	return s, err == nil
}

// expandable reports whether expanding a word is bounded: a short word, without arithmetic, without replacements that can
// multiply, and without sequences such as {1..9}.
func expandable(w *syntax.Word) bool {
	if int(w.End().Offset())-int(w.Pos().Offset()) > maxWord { //nolint:gosec // offsets in a script of bounded length
		return false
	}
	ok, params, braces := true, 0, 0
	syntax.Walk(w, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.ArithmExp, *syntax.ProcSubst, *syntax.ExtGlob:
			ok = false
		case *syntax.ParamExp:
			params++
			ok = ok && n.Repl == nil && n.Slice == nil && n.Index == nil && !n.Excl && n.Names == 0
		case *syntax.Lit:
			braces += strings.Count(n.Value, "{")
			ok = ok && (braces == 0 || !strings.Contains(n.Value, ".."))
		}
		return ok
	})
	return ok && params <= maxParams && braces <= 4
}

// unquoted returns a word as written, without its quotes.
func unquoted(parts []syntax.WordPart, source string) string {
	var b strings.Builder
	for _, p := range parts {
		switch p := p.(type) {
		case *syntax.SglQuoted:
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			b.WriteString(unquoted(p.Parts, source))
		default:
			b.WriteString(slice(source, p))
		}
	}
	return b.String()
}

func config(env Env) *expand.Config {
	return &expand.Config{
		Env: environ{env}, NoUnset: true,
		CmdSubst: func(io.Writer, *syntax.CmdSubst) error { return errUnknown },
	}
}

// environ implements expand.WriteEnviron, so that ${NAME:=VALUE} assigns.
type environ struct{ env Env }

// Get implements expand.Environ.
func (e environ) Get(name string) expand.Variable {
	known := func(s string) expand.Variable { return expand.Variable{Set: true, Kind: expand.String, Str: s} }
	switch {
	case name == "@" || name == "*":
		return expand.Variable{Set: true, Kind: expand.Indexed, List: e.env.Args}
	case len(name) == 1 && '1' <= name[0] && name[0] <= '9':
		if n := int(name[0] - '1'); n < len(e.env.Args) {
			return known(e.env.Args[n])
		}
		return expand.Variable{}
	case strings.HasPrefix(name, "HOME "): // else the library asks this machine
		return known("~" + strings.TrimPrefix(name, "HOME "))
	case name == "IFS":
		return expand.Variable{}
	}
	if v, ok := e.env.Vars[name]; ok {
		return known(v)
	}
	return expand.Variable{}
}

// Each implements expand.Environ.
func (e environ) Each(func(string, expand.Variable) bool) {}

// Set implements expand.WriteEnviron.
func (e environ) Set(name string, v expand.Variable) error {
	set(e.env, name, v.String())
	return nil
}
