package input

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/podseal/podseal/internal/infile"
	"github.com/podseal/podseal/internal/target"
)

// Environment joins env files and variables, in the order of docker run: files first. A variable is NAME=VALUE, or NAME
// for its value on this machine. No error shows a text that may be a secret.
func Environment(ctx context.Context, files, variables []string) ([]target.EnvVar, error) {
	var out []target.EnvVar
	for _, name := range files {
		vars, err := readEnvFile(ctx, name)
		if err != nil {
			return nil, err
		}
		out = append(out, vars...)
	}
	for i, spec := range variables {
		v, ok, err := Variable(spec)
		if err != nil {
			return nil, fmt.Errorf("--env number %d: %w", i+1, err)
		}
		if ok {
			out = append(out, v)
		}
	}
	return out, nil
}

func readEnvFile(ctx context.Context, name string) ([]target.EnvVar, error) {
	data, err := infile.Read(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("--env-file: %w", err)
	}
	var out []target.EnvVar
	for n, line := range strings.Split(string(data), "\n") {
		line = strings.TrimLeft(strings.TrimSuffix(line, "\r"), " \t")
		if line == "" || line[0] == '#' {
			continue
		}
		v, ok, err := Variable(line)
		if err != nil {
			return nil, fmt.Errorf("--env-file %s:%d: %w", name, n+1, err)
		}
		if ok {
			out = append(out, v)
		}
	}
	return out, nil
}

// Variable reads NAME=VALUE, or NAME, whose value is the one on this machine; ok is false where it has none here. The error
// shows nothing of the text, which may be a secret.
func Variable(spec string) (v target.EnvVar, ok bool, err error) {
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
