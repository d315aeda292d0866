package observer

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestReadMemory(t *testing.T) {
	var m memory
	if _, err := m.path(os.Getpid(), 0); !errors.Is(err, unix.EFAULT) {
		t.Errorf("address 0: %v", err)
	}
	if _, err := m.path(os.Getpid(), 1<<40); err == nil {
		t.Error("no error from an address that is not mapped")
	}
}
