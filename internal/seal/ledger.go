package seal

import (
	"fmt"
	"slices"
	"sync"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/trial"
)

// ledger records the rounds of a target. It is safe for concurrent use.
type ledger struct {
	mu     sync.Mutex
	begun  int // how many rounds have begun
	about  int // how many rounds there will be, as far as is known; 0 if nothing is
	rounds []Round
	// chance is set once a repeated trial had another result than before.
	chance bool
}

// noteUnstable records that a repeated trial had another result than before.
func (l *ledger) noteUnstable() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.chance = true
}

// unstable reports whether a repeated trial had another result than before.
func (l *ledger) unstable() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.chance
}

// begin returns the place of a new round, its number in the order of starts, and its step in words. About more rounds follow
// it.
func (l *ledger) begin(more int) (place int, step string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun++
	if l.about == 0 && more == 0 {
		return l.begun, fmt.Sprintf("step %d", l.begun)
	}
	l.about = max(l.about, l.begun+more)
	return l.begun, fmt.Sprintf("step %d of about %d", l.begun, l.about)
}

// expect notes that about n more rounds will begin. The number of all rounds never decreases.
func (l *ledger) expect(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.about = max(l.about, l.begun+n)
}

// add records a round that has ended. The ledger keeps rounds in the order of their starts.
func (l *ledger) add(r Round) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, _ := slices.BinarySearchFunc(l.rounds, r.place, func(o Round, place int) int { return o.place - place })
	l.rounds = slices.Insert(l.rounds, at, r)
}

// all returns a copy of the rounds that have ended.
func (l *ledger) all() []Round {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.rounds)
}

// sealedName numbers the sealed runs of a user; the name does not mention the first user that is tried.
func (l *ledger) sealedName(uid int64) string {
	n, first := 1, int64(-1)
	for _, o := range l.all() {
		if !o.sealed {
			continue
		}
		if first < 0 {
			first = o.Profile.User.UID
		}
		if o.Profile.User.UID == uid {
			n++
		}
	}
	if first < 0 || first == uid {
		return fmt.Sprintf("sealed run %d", n)
	}
	return fmt.Sprintf("sealed run %d of uid %d", n, uid)
}

// find returns the last round that makes a trial of a profile under a protocol unnecessary, and false if there is none. As a
// proof, a failure counts only if it was seen often enough, and a failed e2e command only if it was reproduced: commands fail by
// chance.
func (l *ledger) find(p profile.Profile, proto trial.Protocol, proof bool) (Round, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range slices.Backward(l.rounds) {
		if !r.repeated && r.Profile.Equal(p) && r.settles(proto) && (!proof || r.proves()) {
			return r, true
		}
	}
	return Round{}, false
}

// seen returns how many earlier trials of the profile and the protocol of a failed round ended in the same way. One that was
// abandoned would have failed so.
func (l *ledger) seen(o Round) int {
	n := 0
	if o.Outcome != trial.Failed {
		return 0
	}
	for _, r := range l.all() {
		failed := r.Outcome == trial.Failed || r.Cause == trial.Abandoned
		equal := r.Profile.Equal(o.Profile) && r.Protocol.Implies(o.Protocol) && o.Protocol.Implies(r.Protocol)
		if r.place != o.place && equal && failed && r.Observation.Failure.Same(o.Observation.Failure) {
			n++
		}
	}
	return n
}

// proves reports whether a round may count as a proof for another trial.
func (r Round) proves() bool {
	f := r.Observation.Failure.Kind
	return !r.unproved && (r.reproduced || f != observe.CommandFailed && f != observe.CommandTimeout)
}

// settles reports whether a trial of the same profile under a protocol would have the result of the round: the round passed
// under a protocol that implies it, failed in a part that both protocols share, or was inconclusive under the same one.
func (r Round) settles(proto trial.Protocol) bool {
	if r.Passed() {
		return r.Protocol.Implies(proto)
	}
	own := r.Protocol
	if p := r.Observation.Failure.Phase; r.Outcome == trial.Failed && (p == observe.Start || p == observe.E2E) {
		own.Restart, own.Fresh, proto.Fresh = trial.NoRestart, nil, nil // the run failed before its restart
		return own.Traced == proto.Traced && proto.Implies(own)
	}
	return own.Implies(proto) && proto.Implies(own)
}

// update replaces the round at a place.
func (l *ledger) update(place int, change func(*Round)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.rounds {
		if l.rounds[i].place == place {
			change(&l.rounds[i])
		}
	}
}
