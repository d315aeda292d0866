package observer

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

const (
	pathMax  = 4096 // with its final NUL
	pageSize = 4096 // the smallest: a read up to its end meets one page
	guess    = 256  // most paths are shorter
)

// untag removes the top byte of a pointer, which an ARM64 processor ignores and programs may use.
func untag(addr uint64) uint64 {
	if runtime.GOARCH == "arm64" {
		return addr &^ (0xff << 56)
	}
	return addr
}

// memory reads from one process. Its buffer is used again: results are valid until the next read.
type memory struct {
	buf [pathMax]byte
}

// read fills dst from the process's memory and returns how much could be read.
func (m *memory) read(pid int, addr uint64, dst []byte) (int, error) {
	if addr == 0 || len(dst) == 0 {
		return 0, unix.EFAULT
	}
	addr = untag(addr)
	local := []unix.Iovec{{Base: &dst[0]}}
	local[0].SetLen(len(dst))
	n, err := unix.ProcessVMReadv(pid, local, []unix.RemoteIovec{{Base: uintptr(addr), Len: len(dst)}}, 0)
	if err == nil {
		return n, nil
	}
	if err != unix.ENOSYS && err != unix.EPERM {
		return 0, err
	}
	f, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n, err = f.ReadAt(dst, int64(addr))
	if n > 0 {
		return n, nil
	}
	return 0, err
}

// path reads a path. ENAMETOOLONG and EFAULT are what the kernel will say too.
func (m *memory) path(pid int, addr uint64) (string, error) {
	for n := 0; n < pathMax; {
		at := addr + uint64(n)
		want := min(pageSize-int(at%pageSize), pathMax-n)
		if n == 0 {
			want = min(want, guess)
		}
		got, err := m.read(pid, at, m.buf[n:n+want])
		if err != nil {
			return "", err
		}
		if end := bytes.IndexByte(m.buf[n:n+got], 0); end >= 0 {
			return string(m.buf[:n+end]), nil
		}
		if got == 0 {
			return "", unix.EFAULT
		}
		n += got
	}
	return "", unix.ENAMETOOLONG
}

// words reads little-endian numbers of 4 or 8 bytes.
func (m *memory) words(pid int, addr uint64, size, count int) ([]uint64, error) {
	b := m.buf[:size*count]
	n, err := m.read(pid, addr, b)
	if err != nil {
		return nil, err
	}
	if n < len(b) {
		return nil, unix.EFAULT
	}
	out := make([]uint64, count)
	for i := range out {
		if size == 4 {
			out[i] = uint64(binary.LittleEndian.Uint32(b[4*i:]))
		} else {
			out[i] = binary.LittleEndian.Uint64(b[8*i:])
		}
	}
	return out, nil
}
