//go:build unix

package trial

import (
	"os/exec"
	"syscall"
)

// ownGroup makes a command the leader of a process group, which is killed as a whole when the command's context ends. The
// function that it returns kills what is left of the group after the command has ended.
func ownGroup(c *exec.Cmd) (end func()) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	kill := func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.Cancel = kill
	return func() {
		if c.Process != nil {
			_ = kill() // no such group: nothing is left
		}
	}
}
