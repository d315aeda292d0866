package dockerfile

import (
	"maps"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// maxValue bounds the value of a variable: ENV A=$A$A doubles it.
const maxValue = 4 << 10

// scope holds the variables at one instruction of a stage.
type scope struct {
	env  map[string]string // ENVs, which later stages inherit
	args map[string]string // ARGs of this stage, which an ENV of the same name hides
}

// child returns the scope that a stage FROM this one begins with.
func (s scope) child() scope { return scope{env: maps.Clone(s.env), args: map[string]string{}} }

// all returns all variables: the environment of a RUN.
func (s scope) all() map[string]string {
	out := map[string]string{}
	maps.Copy(out, s.args)
	maps.Copy(out, s.env)
	return out
}

func set(vars map[string]string, name, value string) {
	if len(value) > maxValue {
		delete(vars, name)
		return
	}
	vars[name] = value
}

// arg reads ARG NAME=DEFAULT, and ARG NAME, which takes the value of the ARG before the first FROM.
func (f *File) arg(in Instruction, s scope) {
	for _, w := range in.Words {
		name, value, given := strings.Cut(w, "=")
		if v, ok := f.given[name]; ok {
			set(s.args, name, v)
		} else if given {
			set(s.args, name, f.expand(value, s.all()))
		} else if v, ok := f.global[name]; ok {
			set(s.args, name, v)
		}
	}
}

// setEnv reads ENV NAME VALUE pairs. The parser returns name, value and a separator in turn. All values of one ENV see the
// variables before it.
func (f *File) setEnv(in Instruction, s scope) {
	vars := s.all()
	for i := 0; i+1 < len(in.Words); i += 3 {
		set(s.env, f.expand(in.Words[i], vars), f.expand(in.Words[i+1], vars))
	}
}

// expand replaces variables as the builder does. A variable without a value is empty.
func (f *File) expand(word string, vars map[string]string) string {
	out, _, err := f.lex.ProcessWord(word, getter(vars))
	if err != nil || len(out) > 16*maxValue {
		return ""
	}
	return out
}

// getter implements shell.EnvGetter.
type getter map[string]string

// Get implements shell.EnvGetter.
func (g getter) Get(name string) (string, bool) {
	v, ok := g[name]
	return v, ok
}

// Keys implements shell.EnvGetter.
func (g getter) Keys() []string {
	var out []string
	for k := range g {
		out = append(out, k)
	}
	return out
}

var _ shell.EnvGetter = getter{}
