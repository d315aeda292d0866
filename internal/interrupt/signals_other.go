//go:build !unix

package interrupt

import "os"

var terminationSignals []os.Signal

func keepAfterBrokenPipe() {}
