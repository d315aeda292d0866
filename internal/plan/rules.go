package plan

import (
	"context"

	"github.com/podseal/podseal/internal/observe"
)

// rule proposes one way to widen a profile after a failed run; a Proposal without blames means that it knows none.
type rule struct {
	id      string
	when    when
	propose func(context.Context, failure) (Proposal, error)
}

// when says to which failures a rule applies.
type when int

const (
	// application is a failure of the application before its restart.
	application when = 1 << iota
	// restarted is a failure after the restart: the application has passed before.
	restarted
	// seed is a failed init container: the application has not run, so nothing that it said can be blamed.
	seed
)

// rules are all rules. Proposals with stronger evidence come first; among equally strong ones this order decides, from
// what names its cause to what only fits.
var rules = []rule{
	{"file-capability", application | restarted, proposeExec},
	{"fs-group", application, proposeClaim},
	{"mount-point-busy", application | restarted, proposeBusy},
	{"last-refusal", application, proposeLast},
	{"low-port", application | restarted, proposePort},
	{"ping", application, proposePing},
	{"rename-across-mounts", application, proposeAcross},
	{"denied-writes", application | restarted, proposeDenied},
	{"temp-folder", application, proposeTemp},
	{"unused-mount", application, proposeUnused},
	{"read-only-copy", application | restarted, proposeReadOnlyCopy},
	{"mount-owner", application | restarted, proposeOwner},
	{"image-folder-owner", application, proposeImageOwner},
	{"deferred-writes", application, proposeDeferred},
	{"hidden-content", application, proposeHidden},
	{"every-owner", application, proposeEveryOwner},
	{"every-sticky", application, proposeEverySticky},
	{"parent-directory", application, proposeRaise},
	{"seed-placeholder", seed, proposePlaceholder},
	{"seed-partly", seed, proposeSeedPartly},
	{"seed-deeper", seed, proposeDeeper},
}

// applies reports whether a rule applies to a failure.
func (r rule) applies(f failure) bool {
	switch {
	case f.run.Failure.Path != "":
		return r.when&seed != 0
	case f.run.Failure.Phase == observe.Restart:
		return r.when&restarted != 0
	}
	return r.when&application != 0
}
