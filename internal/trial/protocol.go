package trial

import (
	"slices"
	"time"
)

// Restart says what a run does after its e2e commands have passed.
type Restart int

// The kinds of restart, from the loosest to the strictest.
const (
	NoRestart    Restart = iota
	RestartReady         // kill PID 1, start again over the same mounts, and require readiness
	RestartFull          // the same, and run the e2e commands again
)

// Protocol is what a run checks. It is part of a trial's identity: a result counts only for the protocols that its own
// one implies.
type Protocol struct {
	// Traced runs the application under the tracer. A traced run is not the container that is emitted: the sensor is its
	// entrypoint for a moment, it has one more mount, and no SELinux label. Only an untraced run confirms a profile.
	Traced  bool
	Restart Restart
	// Fresh are the mounts that lose their content before the restart. No kubelet does so: such a run is a diagnosis.
	Fresh []string
	// Ready bounds the time from a start until the application is ready, Command that of one e2e command; 0 means an hour.
	Ready, Command time.Duration
	// Changes collects docker diff: useful where the root filesystem is writable.
	Changes bool
}

// Implies reports whether a run that passed under p would have passed under q as well: p checks at least what q checks,
// within limits that are at most as long.
func (p Protocol) Implies(q Protocol) bool {
	return p.Restart >= q.Restart && (q.Traced || !p.Traced) && slices.Equal(p.Fresh, q.Fresh) &&
		limit(p.Ready) <= limit(q.Ready) && limit(p.Command) <= limit(q.Command)
}

func limit(d time.Duration) time.Duration {
	if d <= 0 {
		return time.Hour
	}
	return d
}

// WithRestart returns the protocol with another restart.
func (p Protocol) WithRestart(r Restart) Protocol { p.Restart = r; return p }

// Untraced returns the protocol without the tracer.
func (p Protocol) Untraced() Protocol { p.Traced = false; return p }

// Patience says when a run that is not ready and makes no progress is abandoned before its limit. The zero value never
// abandons. An abandoned run is inconclusive.
type Patience struct {
	After time.Duration // at the earliest, from the start
	Calm  time.Duration // without a new log line, process, port or write
}

// Times returns the patience multiplied by a factor.
func (p Patience) Times(factor float64) Patience {
	return Patience{time.Duration(float64(p.After) * factor), time.Duration(float64(p.Calm) * factor)}
}
