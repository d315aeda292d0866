//go:build unix

package infile_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/podseal/podseal/internal/infile"
)

func TestReadIsBounded(t *testing.T) {
	name := filepath.Join(t.TempDir(), "big.yaml")
	if err := os.WriteFile(name, make([]byte, infile.Limit), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := infile.Read(t.Context(), name); err != nil || len(data) != infile.Limit {
		t.Errorf("a file of the limit: %d bytes, %v", len(data), err)
	}
	const want = "/dev/zero has more than 32 MiB, the most that podseal reads of one input: name another file, or split it"
	if _, err := infile.Read(t.Context(), "/dev/zero"); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestReadStreamIsBounded(t *testing.T) {
	zero, err := os.Open("/dev/zero")
	if err != nil {
		t.Fatal(err)
	}
	defer zero.Close()
	if _, err := infile.ReadStream(t.Context(), zero, "stdin"); err == nil || !strings.HasPrefix(err.Error(), "stdin has more than 32 MiB") {
		t.Errorf("got %v", err)
	}
	if data, err := infile.ReadStream(t.Context(), strings.NewReader("a"), "stdin"); err != nil || string(data) != "a" {
		t.Errorf("got %q, %v", data, err)
	}
}

// TestReadEndsWithItsContext opens a pipe that has no writer, which blocks.
func TestReadEndsWithItsContext(t *testing.T) {
	name := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	stop := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if _, err := infile.Read(ctx, name); !errors.Is(err, stop) {
		t.Errorf("got %v, want the context's cause", err)
	}
}

func TestCheck(t *testing.T) {
	folder := t.TempDir()
	pipe, big, small := filepath.Join(folder, "pipe"), filepath.Join(folder, "big"), filepath.Join(folder, "small")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.WriteFile(big, nil, 0o600), os.Truncate(big, infile.Limit+1), os.WriteFile(small, []byte("a"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		folder: "", filepath.Join(folder, "missing"): "", small: "",
		pipe:        pipe + " is a device, a pipe or a socket: give a regular file",
		"/dev/zero": "/dev/zero is a device, a pipe or a socket: give a regular file",
		big:         big + " has more than 32 MiB, the most that podseal reads of one input: name another file, or split it",
	} {
		got := ""
		if err := infile.Check(name); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestReadNamesTheFile(t *testing.T) {
	folder := t.TempDir()
	for name, want := range map[string]string{
		folder:              folder + ": is a directory",
		folder + "/missing": "no such file: " + folder + "/missing",
	} {
		if _, err := infile.Read(t.Context(), name); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
