package termtext

import (
	"fmt"
	"strings"
)

// Count returns a number with its noun, in the plural unless the number is 1: "1 run", "0 runs", "2 losses".
func Count(n int, noun string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(noun, "s"):
		noun += "es"
	default:
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
