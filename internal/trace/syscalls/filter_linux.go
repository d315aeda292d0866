package syscalls

import (
	"fmt"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Offsets in struct seccomp_data. Arguments are 64 bits wide; all ABIs here are little endian, so the low half, which
// holds every flag that matters, comes first.
const (
	dataNr   = 0
	dataArch = 4
	dataArgs = 16
)

// WriteFlags are the open flags that make an open a write. Their values are the same in all ABIs here. O_TMPFILE needs
// O_WRONLY or O_RDWR.
const WriteFlags = unix.O_WRONLY | unix.O_RDWR | unix.O_CREAT | unix.O_TRUNC

// The numbers of calls inside socketcall.
const (
	SysBind    = 2
	SysConnect = 3
	SysSendTo  = 11
)

// The sizes of addresses that decide whether a call concerns the internet. One that is shorter than the smallest internet
// address is of another family, and so is one of the exact size of a unix socket's, which no internet address has.
const (
	smallestInternet = 16
	unixAddress      = 110
)

// Filter returns the program that notifies the calls that write or name a peer, and allows everything else. The architectures are those of
// one machine: the kernel offers the ABIs of all of them.
func Filter(archs []uint32) []bpf.Instruction {
	prog := []bpf.Instruction{bpf.LoadAbsolute{Off: dataArch, Size: 4}}
	for _, arch := range archs {
		section := abiSection(abiOf[arch])
		prog = append(prog, bpf.JumpIf{Cond: bpf.JumpEqual, Val: arch, SkipTrue: 1},
			bpf.Jump{Skip: uint32(len(section))})
		prog = append(prog, section...)
	}
	return append(prog, bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW})
}

// abiSection decides a call of one ABI; it always returns.
func abiSection(abi int) []bpf.Instruction {
	section := []bpf.Instruction{bpf.LoadAbsolute{Off: dataNr, Size: 4}}
	if abi == abiAMD64 {
		section = append(section, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: ^uint32(x32Bit)})
	}
	for _, c := range syscalls {
		if nr := c.NR[abi]; nr >= 0 {
			section = append(section, decide(c, uint32(nr))...)
		}
	}
	return append(section, bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW})
}

// decide compares the number in A with the call's; A is unchanged where it falls through.
func decide(c Call, nr uint32) []bpf.Instruction {
	notify := bpf.RetConstant{Val: unix.SECCOMP_RET_USER_NOTIF}
	allow := bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}
	arg := func(i int8) bpf.Instruction { return bpf.LoadAbsolute{Off: dataArgs + 8*uint32(i), Size: 4} }
	switch {
	case c.Action == ActOpen && c.Flags != None:
		return []bpf.Instruction{
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: nr, SkipFalse: 4},
			arg(c.Flags),
			bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: WriteFlags, SkipFalse: 1},
			notify, allow,
		}
	case c.Action == ActSockets:
		return []bpf.Instruction{
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: nr, SkipFalse: 6},
			arg(c.Flags),
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: SysBind, SkipTrue: 2},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: SysConnect, SkipTrue: 1},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: SysSendTo, SkipFalse: 1},
			notify, allow,
		}
	case c.Action == ActConnect:
		return []bpf.Instruction{
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: nr, SkipFalse: 5},
			arg(c.Path + 1),
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: unixAddress, SkipTrue: 2},
			bpf.JumpIf{Cond: bpf.JumpLessThan, Val: smallestInternet, SkipTrue: 1},
			notify, allow,
		}
	case c.Action == ActSend: // without an address, a socket that is connected sends: its connect was seen
		return []bpf.Instruction{
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: nr, SkipFalse: 9},
			arg(c.Path),
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 2},
			bpf.LoadAbsolute{Off: dataArgs + 8*uint32(c.Path) + 4, Size: 4},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 4},
			arg(c.Path + 1),
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: unixAddress, SkipTrue: 2},
			bpf.JumpIf{Cond: bpf.JumpLessThan, Val: smallestInternet, SkipTrue: 1},
			notify, allow,
		}
	default:
		return []bpf.Instruction{bpf.JumpIf{Cond: bpf.JumpEqual, Val: nr, SkipFalse: 1}, notify}
	}
}

// Assemble returns the kernel's form of a filter.
func Assemble(prog []bpf.Instruction) ([]unix.SockFilter, error) {
	raw, err := bpf.Assemble(prog)
	if err != nil {
		return nil, fmt.Errorf("assembling the filter: %w", err)
	}
	out := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		out[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	return out, nil
}
