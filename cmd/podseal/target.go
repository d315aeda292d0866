package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/podseal/podseal/internal/target"
)

// usualGrace is how long an application may take to stop where nobody says it.
const usualGrace = 10 * time.Second

// targetOptions are the flags that describe a target.
type targetOptions struct {
	env, envFiles, args, execs []string
	entrypoint, user, workdir  string
	platform, network          string
	ports                      []int
	ready                      target.Ready
	soak, timeout, grace       time.Duration
}

func (o *targetOptions) addFlags(f *pflag.FlagSet) {
	f.StringArrayVarP(&o.env, "env", "e", nil, "set an environment variable: `NAME=VALUE`, or NAME to take its value from here (repeatable)")
	f.StringArrayVar(&o.envFiles, "env-file", nil, "read environment variables from a `FILE`, a NAME=VALUE a line (repeatable)")
	f.StringVar(&o.entrypoint, "entrypoint", "", "replace the image's ENTRYPOINT by one `PROGRAM`")
	f.StringArrayVar(&o.args, "arg", nil, "one `ARGUMENT` of the container, in place of the image's CMD (repeatable)")
	f.StringVarP(&o.user, "user", "u", "", "the user of the open run, as `UID[:GID]` or name (default: the image's USER)")
	f.StringVarP(&o.workdir, "workdir", "w", "", "the working `DIRECTORY` in the container")
	f.StringVar(&o.platform, "platform", "", "the image's `PLATFORM`, for example linux/arm64")
	f.StringVar(&o.network, "network", "", "the engine's `NETWORK` to join")
	f.IntSliceVar(&o.ports, "port", nil, "a TCP `PORT` of the container to publish on a free loopback port; the first is PODSEAL_PORT (default: all that the image exposes)")
	f.StringVar(&o.ready.Command, "ready", "", "ready when this `COMMAND` on the host (sh -c) exits 0; it is repeated until then")
	f.StringVar(&o.ready.HTTP, "ready-http", "", "ready when a GET of `PATH` on the first port answers with a status below 400")
	f.StringVar(&o.ready.Log, "ready-log", "", "ready when a line of the logs matches `REGEX`")
	f.StringVar(&o.ready.Exec, "ready-exec", "", "ready when this `COMMAND` in the container (sh -c) exits 0")
	f.DurationVar(&o.ready.Timeout, "ready-timeout", time.Minute, "how long to wait for readiness")
	f.StringArrayVar(&o.execs, "exec", nil, "an e2e `COMMAND` that runs in the container (sh -c), before the one on the host (repeatable)")
	f.DurationVar(&o.soak, "soak", 0, "how long the application must keep running after the e2e commands")
	f.DurationVar(&o.timeout, "timeout", 10*time.Minute, "the longest that one run may take")
	f.DurationVar(&o.grace, "stop-timeout", 0, "how long the application may take to stop before it is killed (default 10s, or what the pod says)")
}

// target makes a target of the flags, the image and the host command.
func (o *targetOptions) target(image string, command []string) (target.Target, error) {
	t := target.Target{
		Image: image, Platform: o.platform, User: o.user, WorkingDir: o.workdir, Network: o.network, Ports: o.ports,
		Ready: o.ready, Soak: o.soak, Timeout: o.timeout, Grace: o.grace,
	}
	if image != "" { // a pod says it for itself
		t.Grace = cmp.Or(t.Grace, usualGrace)
	}
	if o.entrypoint != "" {
		t.Entrypoint = []string{o.entrypoint}
	}
	if len(o.args) > 0 {
		t.Args = o.args
	}
	for _, p := range o.ports {
		if p < 1 || p > 65535 {
			return t, badInput("--port %d: a port is between 1 and 65535", p)
		}
	}
	if _, err := regexp.Compile(o.ready.Log); err != nil {
		return t, badInput("--ready-log: %w", err)
	}
	var err error
	if t.Env, err = o.environment(); err != nil {
		return t, err
	}
	for _, line := range o.execs {
		t.Commands = append(t.Commands, target.Shell(line, true))
	}
	if len(command) > 0 {
		t.Commands = append(t.Commands, target.Command{Argv: command})
	}
	return t, nil
}

// environment joins the env files and the variables, in the order in which docker run takes them.
func (o *targetOptions) environment() ([]target.EnvVar, error) {
	var out []target.EnvVar
	for _, name := range o.envFiles {
		vars, err := readEnvFile(name)
		if err != nil {
			return nil, err
		}
		out = append(out, vars...)
	}
	for _, spec := range o.env {
		v, ok, err := envVar(spec)
		if err != nil {
			return nil, badInput("--env %s: %w", spec, err)
		}
		if ok {
			out = append(out, v)
		}
	}
	return out, nil
}

func readEnvFile(name string) ([]target.EnvVar, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, badInput("--env-file: %w", plainPathError(err))
	}
	defer f.Close()
	var out []target.EnvVar
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimLeft(lines.Text(), " \t")
		if line == "" || line[0] == '#' {
			continue
		}
		v, ok, err := envVar(line)
		if err != nil {
			return nil, badInput("--env-file %s, line %d: %w", name, n, err)
		}
		if ok {
			out = append(out, v)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, badInput("--env-file %s: %w", name, err)
	}
	return out, nil
}

// envVar reads NAME=VALUE, or NAME, whose value is the one here; ok is false where it has none here.
func envVar(spec string) (v target.EnvVar, ok bool, err error) {
	name, value, given := strings.Cut(spec, "=")
	if name == "" || strings.ContainsAny(name, " \t\x00") {
		return v, false, errors.New("not NAME=VALUE")
	}
	if !given {
		if value, ok = os.LookupEnv(name); !ok {
			return v, false, nil
		}
	}
	return target.EnvVar{Name: name, Value: value}, true, nil
}

// plainPathError shortens an error of the file system: "no such file: x.yaml".
func plainPathError(err error) error {
	var pe *fs.PathError
	if !errors.As(err, &pe) {
		return err
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no such file: %s", pe.Path)
	}
	return fmt.Errorf("%s: %w", pe.Path, pe.Err)
}
