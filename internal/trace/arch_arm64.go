//go:build linux

package trace

import "golang.org/x/sys/unix"

// machineArchs are the architectures whose calls this machine's kernel may accept.
func machineArchs() []uint32 { return []uint32{unix.AUDIT_ARCH_AARCH64, unix.AUDIT_ARCH_ARM} }

// untag takes away the top byte of a pointer, which the machine ignores and programs may use.
func untag(addr uint64) uint64 { return addr &^ (0xff << 56) }
