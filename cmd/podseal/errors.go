package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/podseal/podseal/internal/batch"
	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/cluster/source"
	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/engines"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/needs"
)

// verdictError leads to an exit code and prints nothing: the report said it.
func verdictError(code int) error { return &exitcode.Error{Code: code, Err: errSaid} }

var errSaid = errors.New("said in the report")

// exitCode returns the exit code for the outcome of a command, and prints an error that the report did not.
func exitCode(ctx context.Context, err error, s streams) int {
	if err == nil {
		return exitcode.Sealed
	}
	if ctx.Err() != nil {
		fmt.Fprintln(s.err, "podseal: interrupted; "+cleanedUp(err))
		return exitcode.Interrupted
	}
	if !errors.Is(err, errSaid) {
		fmt.Fprintln(s.err, "podseal:", oneLine(errors.New(s.redact.String(err.Error()))))
	}
	if coded := new(exitcode.Error); errors.As(err, &coded) {
		return coded.Code
	}
	if image := new(docker.ImageError); errors.As(err, &image) {
		return exitcode.Usage
	}
	if image := new(source.ImageError); errors.As(err, &image) {
		return exitcode.Usage
	}
	if refusal := new(kube.Refusal); errors.As(err, &refusal) && refusal.Kind == kube.NotPermitted {
		return exitcode.Usage
	}
	if setting := new(docker.SettingError); errors.As(err, &setting) {
		return exitcode.Usage
	}
	if input := new(batch.InputError); errors.As(err, &input) {
		return exitcode.Usage
	}
	if service := new(needs.ServiceError); errors.As(err, &service) {
		return exitcode.NotTestable
	}
	return exitcode.Engine
}

// cleanedUp says whether an interrupted command removed what it had made.
func cleanedUp(err error) string {
	if left := new(engines.LeftError); errors.As(err, &left) {
		return oneLine(left)
	}
	return "what it had made in the engine was removed"
}

// flagForms say what a flag takes, by the type of its value.
var flagForms = map[string]string{
	"bool":     "give true or false",
	"duration": "give a duration like 30s or 5m",
	"int":      "give a number",
	"float64":  "give a number",
	"intSlice": "give a number, or several with commas between them",
}

// flagError words an error of the flag parser, whose own words for a bad value are those of the Go function that failed.
func flagError(c *cobra.Command, err error) error {
	help := fmt.Sprintf("(see `%s --help`)", c.CommandPath())
	bad := new(pflag.InvalidValueError)
	if !errors.As(err, &bad) {
		return exitcode.BadInputf("%w %s", err, help)
	}
	f := bad.GetFlag()
	form := flagForms[f.Value.Type()]
	if form == "" {
		form = errors.Unwrap(bad).Error()
	}
	return exitcode.BadInputf("--%s %s: %s %s", f.Name, bad.GetValue(), form, help)
}
