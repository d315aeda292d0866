package enginetest

import (
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
	case "chance":
		chance, _ := strconv.ParseFloat(c.Arg, 64) // the parser has checked it
		return a.dice.next(name) < chance
	}
	return false
}
