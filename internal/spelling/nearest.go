// Package spelling finds what a misspelled name was meant for.
package spelling

import (
	"iter"
	"strings"
)

// maxName bounds the names that Nearest compares: longer ones are no misspelled keys.
const maxName = 63

// Nearest returns the known name that an unknown one is probably meant for, and false if none is near. Case does not count.
func Nearest(name string, known iter.Seq[string]) (string, bool) {
	if len(name) > maxName {
		return "", false
	}
	best, least := "", 1+max(1, len(name)/3)
	for candidate := range known {
		n := distance(strings.ToLower(name), strings.ToLower(candidate))
		if n < least || n == least && best != "" && candidate < best {
			best, least = candidate, n
		}
	}
	return best, best != ""
}

// distance returns how many characters must be added, removed, replaced or swapped with their neighbour to make b of a.
func distance(a, b string) int {
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(row[j]+cost, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
