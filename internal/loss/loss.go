// Package loss compares a sealed run with the open run: what the application did without the seal, and does not do with it,
// although the e2e commands pass.
package loss

import (
	"context"
	"slices"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
)

// Kind is the kind of a Loss.
type Kind string

// The kinds of losses.
const (
	Refused      Kind = "refused"       // a write that succeeded in the open run was refused
	NotAttempted Kind = "not attempted" // the sealed run did not try to write a file that the open run wrote
	NoProcess    Kind = "process"       // a program that ran in the open run did not run
	NoPort       Kind = "port"          // nothing listened on a port of the open run
	NewError     Kind = "log"           // an error was logged that the open run did not log
)

// Loss is one action of the open run that is missing in the sealed run. The e2e commands passed without it.
type Loss struct {
	Kind Kind `json:"kind"`
	// The lost thing: a path, the name of a program, a port, or a line of the logs.
	What string `json:"what"`
	// Detail adds one sentence for the report.
	Detail string `json:"detail"`
}

// maxLosses bounds the losses of each kind that a result has.
const maxLosses = 20

// Find returns the actions of the open run that are missing in a sealed run under a profile. tree is the tree of the image: files
// that the image has come first. Writes are compared only if both runs were completely traced.
func Find(ctx context.Context, tree image.Tree, open, sealed observe.Observation, p profile.Profile) ([]Loss, error) {
	var out, denied []Loss
	var harmless diff.List
	if open.Trace.Complete() && sealed.Trace.Complete() {
		before, now := diff.Collect(open).OnAnyHost(), diff.Collect(sealed).OnAnyHost()
		denied, harmless = refused(before, now, p)
		lost, err := withoutCaches(ctx, tree, before, denied)
		if err != nil {
			return nil, err
		}
		out = append(out, lost[:min(len(lost), maxLosses)]...)
		missing, err := notAttempted(ctx, tree, before, now, p)
		if err != nil {
			return nil, err
		}
		out = append(out, missing...)
	}
	out = append(out, missingProcesses(open.Processes, sealed.Processes)...)
	out = append(out, missingPorts(open.Listening, sealed.Listening)...)
	return append(out, newErrors(open.Logs, sealed, slices.Concat(denied, out), harmless)...), nil
}
