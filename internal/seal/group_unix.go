//go:build unix

package seal

import (
	"os/exec"
	"syscall"
)

// ownGroup makes a command the leader of a process group that is killed as a whole: a shell's children must not
// outlive a run that was given up.
func ownGroup(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
}
