package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flagForms say what a flag takes, by the type of its value.
var flagForms = map[string]string{
	"bool":     "give true or false",
	"duration": "give a duration like 30s or 5m",
	"int":      "give a number",
	"intSlice": "give a number, or several with commas between them",
}

// flagError words an error of the flag parser, whose own words for a bad value are those of the Go function that failed.
func flagError(c *cobra.Command, err error) error {
	help := fmt.Sprintf("(see `%s --help`)", c.CommandPath())
	bad := new(pflag.InvalidValueError)
	if !errors.As(err, &bad) {
		return badInput("%w %s", err, help)
	}
	f := bad.GetFlag()
	form := flagForms[f.Value.Type()]
	if form == "" {
		form = errors.Unwrap(bad).Error()
	}
	return badInput("--%s %s: %s %s", f.Name, bad.GetValue(), form, help)
}
