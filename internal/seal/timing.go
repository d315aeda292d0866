package seal

import (
	"time"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/trial"
)

// Every limit of a sealed run is derived from what the open run needed, and from these constants. A machine that runs
// several trials in parallel is slower than during the open run, which is why all of them are generous.
const (
	// A sealed run may take readyFloor + readyFactor times what the open run needed to become ready, at most
	// --ready-timeout. A run that does not make it has failed.
	readyFloor, readyFactor = 10 * time.Second, 8
	// An e2e command may take commandFloor + commandFactor times the longest one of the open run.
	commandFloor, commandFactor = 30 * time.Second, 4
	// A sealed run that stalls is abandoned after stallFloor + stallFactor times what the open run needed; it must have
	// been calm for half as long.
	stallFloor, stallFactor = 8 * time.Second, 4
	// A trial whose failure only proves a need is abandoned sooner.
	trialFloor, trialFactor = 5 * time.Second, 2
)

// Bounds on the search.
const (
	// maxWidenings is how often a profile is widened for one user. The longest known way has four steps.
	maxWidenings = 8
	// maxUsers is how many users are tried. Images for more than three are not known.
	maxUsers = 16
	// maxEmptied is how many mounts are emptied one by one to find the one whose content prevents a restart.
	maxEmptied = 6
	// maxConfirmations is how often a profile that passes traced and fails untraced is widened.
	maxConfirmations = 3
	// How many runs must fail in the same way, where one may be a disturbance: a failed e2e command that nothing explains; any
	// other failure that nothing explains, and a failed e2e command as a proof; a failed e2e command once one was seen to fail
	// by chance. After maxRuns a trial that still changes is unstable.
	commandFailures, otherFailures, unstableFailures, maxRuns = 3, 2, 4, 6
	// lightStart is the time to readiness below which more runs than processors are started in parallel: such an application
	// mostly waits.
	lightStart = 3 * time.Second
)

// timing holds the limits and the patience of sealed runs.
type timing struct {
	ready, command time.Duration
	sealed         trial.Patience
	factor         float64 // of the patience
}

// newTiming derives the timing from the open run. readyLimit is the user's; factor multiplies the patience.
func newTiming(open observe.Observation, readyLimit time.Duration, factor float64) timing {
	var longest time.Duration
	for _, c := range open.Commands {
		longest = max(longest, c.Took)
	}
	if factor <= 0 {
		factor = 1
	}
	stall := stallFloor + stallFactor*open.ReadyIn
	return timing{
		ready:   min(readyLimit, readyFloor+readyFactor*open.ReadyIn),
		command: commandFloor + commandFactor*longest,
		sealed:  trial.Patience{After: stall, Calm: stall / 2}.Times(factor),
		factor:  factor,
	}
}

// trial returns the patience of a trial whose failure only proves a need. usual is the time that a passed run needed to become
// ready.
func (t timing) trial(usual time.Duration) trial.Patience {
	quick := trialFloor + trialFactor*usual
	return trial.Patience{After: quick, Calm: quick / 2}.Times(t.factor)
}
