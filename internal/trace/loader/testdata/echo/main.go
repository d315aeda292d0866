// Command echo prints its arguments and its environment. It is a program for the loader.
package main

import (
	"fmt"
	"os"
	"strings"
)

func main() {
	fmt.Println(strings.Join(append(os.Args, os.Environ()...), " "))
	if len(os.Args) > 1 {
		os.Exit(len(os.Args[1]))
	}
}
