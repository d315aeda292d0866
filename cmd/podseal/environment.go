package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/podseal/podseal/internal/target"
)

// environment joins the env files and the variables, in the order of docker run: files first.
func (o *targetOptions) environment() ([]target.EnvVar, error) {
	var out []target.EnvVar
	for _, name := range o.envFiles {
		vars, err := readEnvFile(name)
		if err != nil {
			return nil, err
		}
		out = append(out, vars...)
	}
	for i, spec := range o.env {
		v, ok, err := envVar(spec)
		if err != nil {
			return nil, badInput("--env number %d: %w", i+1, err)
		}
		if ok {
			out = append(out, v)
		}
	}
	return out, nil
}

func readEnvFile(name string) ([]target.EnvVar, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, badInput("--env-file: %w", plainPathError(err))
	}
	var out []target.EnvVar
	for n, line := range strings.Split(string(data), "\n") {
		line = strings.TrimLeft(strings.TrimSuffix(line, "\r"), " \t")
		if line == "" || line[0] == '#' {
			continue
		}
		v, ok, err := envVar(line)
		if err != nil {
			return nil, badInput("--env-file %s:%d: %w", name, n+1, err)
		}
		if ok {
			out = append(out, v)
		}
	}
	return out, nil
}

// envVar reads NAME=VALUE, or NAME, whose value is the one on this machine; ok is false where it has none here. The error
// shows nothing of the text, which may be a secret.
func envVar(spec string) (v target.EnvVar, ok bool, err error) {
	name, value, given := strings.Cut(spec, "=")
	switch {
	case name == "":
		return v, false, fmt.Errorf("the name is missing: give NAME=VALUE or NAME")
	case strings.ContainsAny(name, " \t\n\r\x00"):
		return v, false, fmt.Errorf("a name holds no space: give NAME=VALUE or NAME")
	case strings.Contains(value, "\x00"):
		return v, false, fmt.Errorf("the value of %s holds a NUL byte, which no environment can", name)
	}
	if !given {
		if value, ok = os.LookupEnv(name); !ok {
			return v, false, nil
		}
	}
	return target.EnvVar{Name: name, Value: value}, true, nil
}
