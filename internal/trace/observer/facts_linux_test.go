package observer

import (
	"errors"
	"os/exec"
	"testing"

	"github.com/podseal/podseal/internal/trace/wire"
	"golang.org/x/sys/unix"
)

// A process that has ended has no network tables, whether or not its parent has waited for it.
func TestFactsOfAnEndedTarget(t *testing.T) {
	cmd := exec.Command("true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	at := &container{pid: cmd.Process.Pid}
	if err := listeningPorts(at, &wire.Message{}); !errors.Is(err, errTargetEnded) {
		t.Errorf("the ports of a zombie: %v", err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	for name, ask := range map[string]func(*container, *wire.Message) error{
		"listening": listeningPorts, "processes": processes,
		"usage": func(at *container, m *wire.Message) error { return usage(at, []string{"/"}, m) },
	} {
		if err := ask(at, &wire.Message{}); !errors.Is(err, errTargetEnded) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
