package main

import (
	"regexp"

	"github.com/spf13/pflag"

	"github.com/podseal/podseal/internal/batch"
	"github.com/podseal/podseal/internal/deliver"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/redact"
)

// redactOptions are the flags that hide secrets.
type redactOptions struct{ patterns []string }

func (o *redactOptions) addFlags(f *pflag.FlagSet) {
	f.StringArrayVar(&o.patterns, "redact", nil, "hide what matches `REGEX` in every output (repeatable); values of Secrets are hidden in any case")
}

// apply hides the matches of the patterns in everything that is printed from now on. Its errors do not show a pattern, which may
// be a secret.
func (o *redactOptions) apply(s streams) error {
	for i, pattern := range o.patterns {
		re, err := regexp.Compile(pattern)
		switch {
		case err != nil:
			return exitcode.BadInputf("--redact number %d: not a regular expression", i+1)
		case re.MatchString(""):
			return exitcode.BadInputf("--redact number %d: it matches the empty text: give a pattern of at least one character", i+1)
		}
		s.redact.Match(re)
	}
	return nil
}

// hideSecrets hides the values of Secrets of all targets.
func hideSecrets(s streams, j batch.Job) {
	if s.redact == nil {
		return
	}
	for _, in := range j.Planned() {
		for _, c := range in.Containers {
			s.redact.Hide(c.Outcome.Target.AllSecrets()...)
		}
	}
}

// concealed returns the inputs of a delivery without secrets in what podseal writes itself: the environment and the command of
// a container. It reports the names of the variables that it changed.
func concealed(inputs []deliver.Input, r *redact.Redactor) (out []deliver.Input, changed []string) {
	for _, in := range inputs {
		containers := in.Containers
		in.Containers = nil
		for _, c := range containers {
			t := &c.Outcome.Target
			env := redact.Apply(r, t.Env)
			for i, e := range env {
				if e != t.Env[i] {
					changed = append(changed, e.Name)
				}
			}
			t.Env, t.Entrypoint, t.Args = env, redact.Apply(r, t.Entrypoint), redact.Apply(r, t.Args)
			in.Containers = append(in.Containers, c)
		}
		out = append(out, in)
	}
	return out, changed
}
