package sensor_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/podseal/podseal/internal/trace/sensor"
	"github.com/podseal/podseal/internal/trace/wire"
)

// waitVariable lets the test binary be a sensor that waits for the observer of a socket.
const waitVariable = "PODSEAL_TEST_SENSOR_SOCKET"

func TestMain(m *testing.M) {
	if socket := os.Getenv(waitVariable); socket != "" {
		os.Exit(sensor.Main([]string{"--socket=" + socket, "--wait=1m", "--", "true"}))
	}
	os.Exit(m.Run())
}

// TestSignals ends a sensor that waits for its observer.
func TestSignals(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGQUIT} {
		socket := fmt.Sprintf(wire.AbstractMark+"podseal-test-%d-%d", os.Getpid(), s)
		l, err := net.Listen("unix", wire.SocketAddress(socket))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		c := exec.CommandContext(t.Context(), os.Args[0])
		c.Env = append(os.Environ(), waitVariable+"="+socket)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		conn, err := l.Accept() // the sensor waits for the greeting now
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := c.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait()
		if got := c.ProcessState.ExitCode(); got != 128+int(s) {
			t.Errorf("%v: exit code %d", s, got)
		}
	}
}
