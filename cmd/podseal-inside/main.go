// Command podseal-inside is what podseal puts into containers: see internal/inside. Nobody calls it by hand.
package main

import (
	"fmt"
	"os"

	"github.com/podseal/podseal/internal/inside"
)

func main() {
	code, known := inside.Main(os.Args[1:], os.Stdin, os.Stdout)
	if !known {
		fmt.Fprintln(os.Stderr, "podseal-inside: podseal runs this in containers; use podseal")
		code = 2
	}
	os.Exit(code)
}
