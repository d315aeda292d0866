//go:build linux

package trace

import "golang.org/x/sys/unix"

// machineArchs are the architectures whose calls this machine's kernel may accept.
func machineArchs() []uint32 { return []uint32{unix.AUDIT_ARCH_X86_64, unix.AUDIT_ARCH_I386} }

func untag(addr uint64) uint64 { return addr }
