//go:build linux

package syscalls

import "golang.org/x/sys/unix"

// MachineArchs returns the architectures whose calls this machine's kernel may accept.
func MachineArchs() []uint32 { return []uint32{unix.AUDIT_ARCH_AARCH64, unix.AUDIT_ARCH_ARM} }
