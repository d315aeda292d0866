package main

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/input"
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
	completes                  bool
	soak, timeout, grace       time.Duration

	given func(flag string) bool // reports whether a flag stands on the command line
}

func (o *targetOptions) addFlags(f *pflag.FlagSet) {
	o.given = f.Changed
	f.StringArrayVarP(&o.env, "env", "e", nil, "set an environment variable: `NAME=VALUE`, or NAME for its value on this machine (repeatable)")
	f.StringArrayVar(&o.envFiles, "env-file", nil, "read environment variables from a `FILE`, one NAME=VALUE a line (repeatable)")
	f.StringVar(&o.entrypoint, "entrypoint", "", "replace the image's ENTRYPOINT by one `PROGRAM`")
	f.StringArrayVar(&o.args, "arg", nil, "pass an `ARGUMENT` to the container instead of the image's CMD (repeatable)")
	f.StringVarP(&o.user, "user", "u", "", "start the open run as `UID[:GID]` or a user name (default: the image's USER)")
	f.StringVarP(&o.workdir, "workdir", "w", "", "start in this `DIRECTORY` of the container")
	f.StringVar(&o.platform, "platform", "", "use the image's `PLATFORM`, for example linux/arm64")
	f.StringVar(&o.network, "network", "", "join a `NETWORK` of the engine")
	f.IntSliceVar(&o.ports, "port", nil, "publish a TCP `PORT` of the container on a free loopback port; the first is PODSEAL_PORT (default: all exposed ports)")
	f.StringVar(&o.ready.Command, "ready", "", "repeat this `COMMAND` on the host (sh -c) until it exits 0")
	f.StringVar(&o.ready.HTTP, "ready-http", "", "repeat a GET of `PATH` on the first port until its status is below 400")
	f.StringVar(&o.ready.Log, "ready-log", "", "wait for a log line that matches `REGEX`")
	f.StringVar(&o.ready.Exec, "ready-exec", "", "repeat this `COMMAND` in the container (sh -c) until it exits 0")
	f.DurationVar(&o.ready.Timeout, "ready-timeout", time.Minute, "limit the wait for readiness")
	f.StringArrayVar(&o.execs, "exec", nil, "run an e2e `COMMAND` in the container (sh -c), before the one on the host (repeatable)")
	f.BoolVar(&o.completes, "completes", false, "seal a job: the container must run to its end and exit 0, which counts as ready")
	f.DurationVar(&o.soak, "soak", 0, "keep the application running for this long after the e2e commands")
	f.DurationVar(&o.timeout, "timeout", 10*time.Minute, "limit one run")
	f.DurationVar(&o.grace, "stop-timeout", 0, "kill the application if it has not stopped after this long (default 10s, or the pod's own)")
}

// target makes a target of the flags, the image and the host command. It refuses values that no run could use.
func (o *targetOptions) target(ctx context.Context, image string, command []string) (target.Target, error) {
	t := target.Target{
		Image: image, Platform: o.platform, User: o.user, WorkingDir: o.workdir, Network: o.network, Ports: o.ports,
		Ready: o.ready, Completes: o.completes, Soak: o.soak, Timeout: o.timeout, Grace: o.grace,
	}
	if image != "" { // a pod says it itself
		t.Grace = cmp.Or(t.Grace, usualGrace)
	}
	if o.entrypoint != "" {
		t.Entrypoint = []string{o.entrypoint}
	}
	if len(o.args) > 0 {
		t.Args = o.args
	}
	if err := o.check(); err != nil {
		return t, err
	}
	var err error
	if t.Env, err = input.Environment(ctx, o.envFiles, o.env); err != nil {
		return t, exitcode.BadInput(err)
	}
	for _, line := range o.execs {
		if strings.TrimSpace(line) == "" {
			return t, exitcode.BadInputf("--exec is empty: give a command for the container")
		}
		t.Commands = append(t.Commands, target.Shell(line, true))
	}
	if len(command) > 0 {
		t.Commands = append(t.Commands, target.Command{Argv: command})
	}
	return t, nil
}

// check refuses values that no run could use.
func (o *targetOptions) check() error {
	for _, p := range o.ports {
		if p < 1 || p > 65535 {
			return exitcode.BadInputf("--port %d: a port is between 1 and 65535", p)
		}
	}
	if err := o.checkDurations(); err != nil {
		return err
	}
	if o.user != "" && !target.ValidUser(o.user) {
		return exitcode.BadInputf("--user %s: give UID, UID:GID or a name of the image's /etc/passwd; ids are between 0 and %d", o.user, target.MaxID)
	}
	if o.workdir != "" && !path.IsAbs(o.workdir) {
		return exitcode.BadInputf("--workdir %s: give an absolute path in the container", o.workdir)
	}
	if o.network != "" && !target.ValidNetwork(o.network) {
		return exitcode.BadInputf("--network %s: give the name of a network of the engine, host, none or container:NAME", o.network)
	}
	if o.completes && len(o.execs) > 0 {
		return exitcode.BadInputf("--exec with --completes: the container has ended when the command is due; use a COMMAND on the host")
	}
	if o.ready.HTTP != "" && !strings.HasPrefix(o.ready.HTTP, "/") {
		return exitcode.BadInputf("--ready-http %s: give a path that starts with /; the host and the first port are known", o.ready.HTTP)
	}
	return checkRegexp("--ready-log", o.ready.Log)
}

// checkDurations refuses limits of no time. Zero is the default of some: it is refused only on the command line.
func (o *targetOptions) checkDurations() error {
	for _, d := range []struct {
		flag  string
		value time.Duration
		zero  bool // means none
	}{
		{"ready-timeout", o.ready.Timeout, false},
		{"soak", o.soak, true},
		{"timeout", o.timeout, false},
		{"stop-timeout", o.grace, false},
	} {
		if d.value < 0 && d.zero {
			return exitcode.BadInputf("--%s %s: give a duration like 30s, or 0 for none", d.flag, d.value)
		}
		if d.value <= 0 && !d.zero && o.given(d.flag) {
			return exitcode.BadInputf("--%s %s: give a duration above 0, like 30s", d.flag, d.value)
		}
	}
	return nil
}

func checkRegexp(flag, s string) error {
	_, err := regexp.Compile(s)
	if bad := new(syntax.Error); errors.As(err, &bad) {
		return exitcode.BadInputf("%s %s: not a regular expression: %s at %q", flag, s, bad.Code, bad.Expr)
	}
	return exitcode.BadInput(err)
}

// splitDash returns the arguments before and behind --.
func splitDash(c *cobra.Command, args []string) (first, command []string) {
	if at := c.ArgsLenAtDash(); at >= 0 {
		return args[:at], args[at:]
	}
	return args, nil
}

// splitArgs splits the arguments into the image and the host command behind --.
func splitArgs(c *cobra.Command, args []string, files []string) (image string, _ []string, _ error) {
	first, command := splitDash(c, args)
	switch {
	case len(command) > 0 && command[0] == "":
		return "", nil, exitcode.BadInputf("the e2e command behind -- is empty: give a program")
	case slices.Contains(files, ""):
		return "", nil, exitcode.BadInputf("--filename is empty: give a file, a folder or -")
	case len(files) > 0 && len(first) > 0:
		return "", nil, exitcode.BadInputf("give an image or -f FILE, not both: %s, %s", first[0], files[0])
	case len(files) > 0:
		return "", command, nil
	case len(first) == 0:
		return "", nil, exitcode.BadInputf("no image given: podseal run IMAGE [flags] -- COMMAND..., or podseal run -f FILE")
	case len(first) > 1:
		return "", nil, exitcode.BadInputf("unexpected argument %q: flags go before --, the e2e command after it", first[1])
	}
	return first[0], command, checkImageName(first[0])
}

// checkImageName refuses the name of a manifest or of a folder in the place of an image's.
func checkImageName(image string) error {
	if image == "" {
		return exitcode.BadInputf("the name of the image is empty: podseal run IMAGE [flags] -- COMMAND...")
	}
	st, err := os.Stat(image)
	if err != nil {
		return nil //nolint:nilerr // it is no file, as an image's name should be
	}
	manifest := slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(image))
	if st.Mode().IsRegular() && manifest || st.IsDir() && (strings.HasPrefix(image, ".") || filepath.IsAbs(image)) {
		return exitcode.BadInputf("%s is a file or a folder, not an image: give it with -f %s", image, image)
	}
	return nil
}

// rerunOptions are the flags about runs of podseal check.
type rerunOptions struct {
	wanted bool
	target targetOptions
	names  []string // of the flags that have an effect on runs alone
}

func (o *rerunOptions) addFlags(f *pflag.FlagSet) {
	f.BoolVar(&o.wanted, "rerun", false, "also prove the seals again with the engine, and report what is new; the flags below describe the runs of -f")
	own := pflag.NewFlagSet("", pflag.ContinueOnError)
	own.SortFlags = false
	o.target.addFlags(own)
	own.VisitAll(func(flag *pflag.Flag) {
		if flag.Name != "exec" {
			o.names = append(o.names, flag.Name)
		}
	})
	f.AddFlagSet(own)
	o.target.given = f.Changed
}

// check refuses flags about runs where there are none.
func (o *rerunOptions) check(given func(flag string) bool) error {
	if o.wanted {
		return nil
	}
	for _, name := range append(o.names, "with", "stand-ins", "allow-hostpath") {
		if given(name) {
			return exitcode.BadInputf("--%s is about runs: it needs --rerun", name)
		}
	}
	return nil
}

// proveOptions are the flags of the build that --prove makes. The flags of a target say how the image is run.
type proveOptions struct {
	on                     bool
	context, network, keep string
	args                   []string

	command []string // behind --
	extra   string   // a flag that was given and has no meaning without --prove
}

func (o *proveOptions) addFlags(f *pflag.FlagSet) {
	f.BoolVar(&o.on, "prove", false, "build the changed Dockerfile, seal the image with the e2e commands, and report whether that works; the flags below are for it")
	f.StringVar(&o.context, "context", "", "use this `FOLDER` as the build context, whose scripts are read without --prove too; default: the Dockerfile's folder")
	f.StringVar(&o.network, "build-network", "", "run the build's RUN instructions in this `NETWORK`, for example host")
	f.StringVar(&o.keep, "keep-image", "", "keep the image that --prove builds under this `NAME`")
}

// buildArgs returns the build arguments by name. One without a value in the environment keeps the default of the Dockerfile.
func (o proveOptions) buildArgs() (map[string]string, error) {
	out := map[string]string{}
	for i, spec := range o.args {
		v, ok, err := input.Variable(spec)
		if err != nil {
			return nil, exitcode.BadInputf("--build-arg number %d: %w", i+1, err) // the text may be a secret
		}
		if ok {
			out[v.Name] = v.Value
		}
	}
	return out, nil
}
