//go:build !unix

package main

import "os"

var terminationSignals []os.Signal

func keepAfterBrokenPipe() {}
