package enginetest

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/podseal/podseal/internal/engine/enginetest/script"
)

// holds reports whether all conditions of an operation hold now.
func (a *application) holds(o script.Operation) bool {
	for i, c := range o.Conditions {
		if !a.holdsOne(c, fmt.Sprint("line ", o.Line, " condition ", i)) {
			return false
		}
	}
	return true
}

// holdsOne reports whether a condition holds now. The name makes the random numbers of each condition its own.
func (a *application) holdsOne(c script.Condition, name string) bool {
	p := a.fs.real(a.path(c.Arg), true)
	_, exists := a.fs.nodes[p]
	switch c.Word {
	case "if-root":
		return a.who.uid == 0
	case "if-user":
		return a.who.uid != 0
	case "if-traced":
		return a.traced
	case "if-untraced":
		return !a.traced
	case "unless":
		return !exists
	case "if":
		return exists
	case "writable":
		return a.fs.writable(a.who, p)
	case "unwritable":
		return !a.fs.writable(a.who, p)
	case "in-run":
		return c.Arg == strconv.Itoa(a.run)
	case "in-same-run":
		return c.Arg == strconv.Itoa(a.same)
	case "chance":
		chance, _ := strconv.ParseFloat(c.Arg, 64) // the parser has checked it
		return a.dice.next(name) < chance
	}
	return false
}

// dice makes the random numbers of one run. They depend on nothing but the engine's Seed, the profile, whether the run is
// traced, how many such runs there were, and the name of a number: runs in parallel draw what runs one by one draw.
type dice struct {
	seed  uint64
	run   string
	draws map[string]int // of each name
}

// next returns the next number of a name, from 0 to below 1.
func (d *dice) next(name string) float64 {
	d.draws[name]++
	return d.number(fmt.Sprint(name, " draw ", d.draws[name]))
}

// number returns the one number of a name, from 0 to below 1.
func (d *dice) number(name string) float64 {
	sum := sha256.Sum256(fmt.Append(nil, d.seed, " ", d.run, " ", name)) // names that differ little draw unrelated numbers
	return float64(binary.BigEndian.Uint64(sum[:])>>11) / (1 << 53)
}

// phase returns the phase that executes an operation in this run: a random one of several.
func (d *dice) phase(o script.Operation) string {
	if len(o.Phases) == 1 {
		return o.Phases[0]
	}
	return o.Phases[int(d.number(fmt.Sprint("line ", o.Line, " phase"))*float64(len(o.Phases)))]
}
