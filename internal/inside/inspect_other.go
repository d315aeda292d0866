//go:build !linux

package inside

import "io"

// inspect runs in containers of Linux only.
func inspect([]string, io.Writer) int { return 2 }
