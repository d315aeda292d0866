//go:build unix

package docker

import (
	"errors"
	"syscall"
)

// lives tells whether there is a process of that number.
func lives(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM) // another user's
}
