package plan

import (
	"context"

	"github.com/podseal/podseal/internal/observe"
)

// rule proposes one way to widen a profile after a failed run. Its Proposal has no blames if the rule has no answer.
type rule struct {
	id      string
	when    when
	propose func(context.Context, failure) (Proposal, error)
}

// when is the set of failures that a rule applies to.
type when int

const (
	// application is a failure of the application before its restart.
	application when = 1 << iota
	// restarted is a failure after the restart: the application has passed before.
	restarted
	// seed is a failed init container: the application has not run, so its logs are no evidence.
	seed
)

// rules are all rules. Proposals with stronger evidence come first. Among equally strong ones this order decides: rules that
// name the cause come before rules that merely fit.
var rules = []rule{
	{"file-capability", application | restarted, proposeExec},
	{"fs-group", application, proposeClaim},
	{"mount-point-busy", application | restarted, proposeBusy},
	{"temp-elsewhere", application, proposeTempElsewhere},
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
	{"setgid-folder", application, proposeSetgid},
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
