package enginetest

import (
	"fmt"
	"strconv"
)

// holds reports whether all conditions of an operation hold now.
func (a *application) holds(o operation) bool {
	for i, c := range o.conditions {
		if !a.holdsOne(c, fmt.Sprint("line ", o.line, " condition ", i)) {
			return false
		}
	}
	return true
}

// holdsOne reports whether a condition holds now. The name makes the random numbers of each condition its own.
func (a *application) holdsOne(c condition, name string) bool {
	p := a.fs.real(a.path(c.arg), true)
	_, exists := a.fs.nodes[p]
	switch c.word {
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
		return c.arg == strconv.Itoa(a.run)
	case "chance":
		chance, _ := strconv.ParseFloat(c.arg, 64) // the parser has checked it
		return a.dice.next(name) < chance
	}
	return false
}
