package main

import "errors"

// codeOf is the exit code that an error leads to.
func codeOf(err error) int {
	if coded := new(codedError); errors.As(err, &coded) {
		return coded.code
	}
	return exitEngine
}
