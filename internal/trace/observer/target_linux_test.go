package observer

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// roleVariable makes a test binary one of the processes of TestKillAsTracer.
const roleVariable = "PODSEAL_TEST_ROLE"

// TestKillAsTracer: a process kills the first one of the PID namespace that it is in, which a plain SIGKILL from inside does not.
func TestKillAsTracer(t *testing.T) {
	same := func(role string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestKillAsTracer$")
		cmd.Env, cmd.Stderr = append(os.Environ(), roleVariable+"="+role), os.Stderr
		return cmd
	}
	switch os.Getenv(roleVariable) {
	case "init":
		if os.Getpid() != 1 {
			os.Exit(3)
		}
		_ = same("killer").Run()
		time.Sleep(time.Minute)
		os.Exit(4)
	case "killer":
		_ = syscall.Kill(1, syscall.SIGKILL)
		time.Sleep(100 * time.Millisecond)
		if err := killAsTracer(1); err != nil {
			os.Exit(5)
		}
		time.Sleep(time.Minute)
		os.Exit(6)
	}
	began := time.Now()
	cmd := same("init")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
	}
	if err := cmd.Start(); err != nil {
		t.Skipf("no PID namespace can be made: %v", err)
	}
	_ = cmd.Wait()
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || status.Signal() != syscall.SIGKILL || time.Since(began) < 100*time.Millisecond {
		t.Errorf("the first process: %v", cmd.ProcessState)
	}
}

// TestAdmissionOfExecutedProcesses: processes that a function recognises are admitted as executed commands, and nobody
// else is.
func TestAdmissionOfExecutedProcesses(t *testing.T) {
	a := newAdmission()
	a.recognise(func(pid int) bool { return pid == 7 })
	a.wait() // returns at once: somebody may come at any time
	a.expect(1, false, time.Now())
	for _, want := range []struct {
		pid        int
		exec, pass bool
	}{{1, false, true}, {1, false, false}, {7, true, true}, {7, true, true}, {8, false, false}} {
		if exec, ok := a.take(want.pid); exec != want.exec || ok != want.pass {
			t.Errorf("process %d: %t, %t", want.pid, exec, ok)
		}
	}
	if !fromOutside(1) || fromOutside(os.Getpid()) {
		t.Error("the parents of processes are not told apart")
	}
}
