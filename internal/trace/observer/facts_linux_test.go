package observer

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

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

// TestTCPTables: a table without sockets is not read; one that was read is kept as long as the kernel counts as many
// sockets.
func TestTCPTables(t *testing.T) {
	done := make(chan string)
	go func() {
		runtime.LockOSThread() // the thread ends with the goroutine, and its network namespace with the thread
		defer close(done)
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			done <- "skip: " + err.Error()
			return
		}
		at := &container{pid: unix.Gettid()}
		listening := func(when string, want ...int) {
			var m wire.Message
			if err := listeningPorts(at, &m); err != nil || !slices.Equal(m.Ports, want) {
				done <- fmt.Sprintf("%s: %v, %v", when, m.Ports, err)
			}
		}
		listen := func(network string) int {
			l, err := net.Listen(network, ":0")
			if err != nil {
				done <- err.Error()
				return 0
			}
			t.Cleanup(func() { l.Close() })
			return l.Addr().(*net.TCPAddr).Port
		}
		listening("before")
		if all, err := at.tcp.read(at, true); err != nil || len(all) > 0 {
			done <- fmt.Sprintf("the tables of a namespace without sockets: %q, %v", all, err)
		}
		first := listen("tcp4")
		listening("IPv4", first)
		at.tcp.kept["tcp"] = bytes.ReplaceAll(at.tcp.kept["tcp"], fmt.Appendf(nil, ":%04X", first), []byte(":0007"))
		at.tcp.at = time.Now().Add(time.Hour) // however long the test takes
		listening("kept", 7)
		second := listen("tcp4")
		listening("another socket", slices.Sorted(slices.Values([]int{first, second}))...)
		at.tcp.at = at.tcp.at.Add(-2 * maxTableAge)
		at.tcp.kept["tcp"] = nil
		listening("too old", slices.Sorted(slices.Values([]int{first, second}))...)
		if third := listen("tcp6"); third != 0 {
			listening("IPv6", slices.Sorted(slices.Values([]int{first, second, third}))...)
		}
	}()
	for text := range done {
		if why, ok := strings.CutPrefix(text, "skip: "); ok {
			t.Skip("no network namespace: " + why)
		}
		t.Error(text)
	}
}
