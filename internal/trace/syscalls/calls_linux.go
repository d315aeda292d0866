// Package syscalls describes the calls that the tracer sees, and the seccomp filter that notifies them.
package syscalls

import "golang.org/x/sys/unix"

// Action says how the observer handles a call.
type Action uint8

// The actions.
const (
	ActOpen     Action = iota + 1 // open for writing or creating
	ActOpenHow                    // openat2: the flags are in memory
	ActMkdir                      // a new folder
	ActCreate                     // a new entry that is no folder: mknod, symlink
	ActRemove                     // unlink; unlinkat with AT_REMOVEDIR is ActRmdir
	ActRmdir                      //
	ActRename                     //
	ActLink                       //
	ActMeta                       // owner's changes: chmod, chown, utimes, setxattr
	ActTruncate                   //
	ActBind                       // a socket's address
	ActConnect                    // a socket's peer
	ActSend                       // a datagram with its address
	ActSockets                    // socketcall: bind, connect and sendto among others
	ActExec                       // another program: names and privileges change
	ActUser                       // the user or group changes
	ActGroups                     // the supplementary groups change
	ActIdentity                   // capabilities or root change
)

// Call describes one system call: what observe.Write.Call says, what is done about it, which arguments hold the folder
// descriptor, the path and the flags (-1: none), and its number in each ABI.
type Call struct {
	Name   string
	Call   string
	Action Action
	DirFD  int8
	Path   int8
	Flags  int8
	NR     [abis]int16
}

// The ABIs, in the order of Call.NR. x32 has x86_64's numbers for these calls, with a bit set.
const (
	abiAMD64 = iota
	abi386
	abiARM64
	abiARM
	abis
)

const x32Bit = 0x40000000

// abiOf says which table a seccomp architecture uses.
var abiOf = map[uint32]int{
	unix.AUDIT_ARCH_X86_64: abiAMD64, unix.AUDIT_ARCH_I386: abi386,
	unix.AUDIT_ARCH_AARCH64: abiARM64, unix.AUDIT_ARCH_ARM: abiARM,
}

// NoFD marks a call that takes a path relative to the working folder; FDOnly one that takes a descriptor alone.
const (
	NoFD   = -1
	FDOnly = -1
	None   = -1
)

// syscalls are the calls that the filter notifies. A test compares the numbers with golang.org/x/sys/unix, which has
// them for one ABI a build only.
//
// sendto comes first: of all calls here it alone is frequent and mostly of no interest.
var syscalls = []Call{
	{"sendto", "", ActSend, NoFD, 4, None, [abis]int16{44, 369, 206, 290}},
	{"open", "open", ActOpen, NoFD, 0, 1, [abis]int16{2, 5, -1, 5}},
	{"creat", "open", ActOpen, NoFD, 0, None, [abis]int16{85, 8, -1, 8}},
	{"openat", "open", ActOpen, 0, 1, 2, [abis]int16{257, 295, 56, 322}},
	{"openat2", "open", ActOpenHow, 0, 1, 2, [abis]int16{437, 437, 437, 437}},

	{"mkdir", "mkdir", ActMkdir, NoFD, 0, None, [abis]int16{83, 39, -1, 39}},
	{"mkdirat", "mkdir", ActMkdir, 0, 1, None, [abis]int16{258, 296, 34, 323}},
	{"mknod", "mknod", ActCreate, NoFD, 0, None, [abis]int16{133, 14, -1, 14}},
	{"mknodat", "mknod", ActCreate, 0, 1, None, [abis]int16{259, 297, 33, 324}},
	{"symlink", "symlink", ActCreate, NoFD, 1, None, [abis]int16{88, 83, -1, 83}},
	{"symlinkat", "symlink", ActCreate, 1, 2, None, [abis]int16{266, 304, 36, 331}},

	{"unlink", "unlink", ActRemove, NoFD, 0, None, [abis]int16{87, 10, -1, 10}},
	{"unlinkat", "unlink", ActRemove, 0, 1, 2, [abis]int16{263, 301, 35, 328}},
	{"rmdir", "rmdir", ActRmdir, NoFD, 0, None, [abis]int16{84, 40, -1, 40}},

	{"rename", "rename", ActRename, NoFD, 0, None, [abis]int16{82, 38, -1, 38}},
	{"renameat", "rename", ActRename, 0, 1, None, [abis]int16{264, 302, 38, 329}},
	{"renameat2", "rename", ActRename, 0, 1, 4, [abis]int16{316, 353, 276, 382}},
	{"link", "link", ActLink, NoFD, 0, None, [abis]int16{86, 9, -1, 9}},
	{"linkat", "link", ActLink, 0, 1, 4, [abis]int16{265, 303, 37, 330}},

	{"chmod", "chmod", ActMeta, NoFD, 0, None, [abis]int16{90, 15, -1, 15}},
	{"fchmod", "chmod", ActMeta, 0, FDOnly, None, [abis]int16{91, 94, 52, 94}},
	{"fchmodat", "chmod", ActMeta, 0, 1, None, [abis]int16{268, 306, 53, 333}},
	{"fchmodat2", "chmod", ActMeta, 0, 1, 3, [abis]int16{452, 452, 452, 452}},
	{"chown", "chown", ActMeta, NoFD, 0, None, [abis]int16{92, 182, -1, 182}},
	{"lchown", "chown", ActMeta, NoFD, 0, None, [abis]int16{94, 16, -1, 16}},
	{"fchown", "chown", ActMeta, 0, FDOnly, None, [abis]int16{93, 95, 55, 95}},
	{"fchownat", "chown", ActMeta, 0, 1, 4, [abis]int16{260, 298, 54, 325}},
	{"chown32", "chown", ActMeta, NoFD, 0, None, [abis]int16{-1, 212, -1, 212}},
	{"lchown32", "chown", ActMeta, NoFD, 0, None, [abis]int16{-1, 198, -1, 198}},
	{"fchown32", "chown", ActMeta, 0, FDOnly, None, [abis]int16{-1, 207, -1, 207}},
	{"utime", "utime", ActMeta, NoFD, 0, None, [abis]int16{132, 30, -1, -1}},
	{"utimes", "utime", ActMeta, NoFD, 0, None, [abis]int16{235, 271, -1, 269}},
	{"futimesat", "utime", ActMeta, 0, 1, None, [abis]int16{261, 299, -1, 326}},
	{"utimensat", "utime", ActMeta, 0, 1, 3, [abis]int16{280, 320, 88, 348}},
	{"utimensat_time64", "utime", ActMeta, 0, 1, 3, [abis]int16{-1, 412, -1, 412}},
	{"setxattr", "setxattr", ActMeta, NoFD, 0, None, [abis]int16{188, 226, 5, 226}},
	{"lsetxattr", "setxattr", ActMeta, NoFD, 0, None, [abis]int16{189, 227, 6, 227}},
	{"fsetxattr", "setxattr", ActMeta, 0, FDOnly, None, [abis]int16{190, 228, 7, 228}},
	{"removexattr", "setxattr", ActMeta, NoFD, 0, None, [abis]int16{197, 235, 14, 235}},
	{"lremovexattr", "setxattr", ActMeta, NoFD, 0, None, [abis]int16{198, 236, 15, 236}},
	{"fremovexattr", "setxattr", ActMeta, 0, FDOnly, None, [abis]int16{199, 237, 16, 237}},
	{"setxattrat", "setxattr", ActMeta, 0, 1, 2, [abis]int16{463, 463, 463, 463}},
	{"removexattrat", "setxattr", ActMeta, 0, 1, 2, [abis]int16{466, 466, 466, 466}},

	{"truncate", "truncate", ActTruncate, NoFD, 0, None, [abis]int16{76, 92, 45, 92}},
	{"truncate64", "truncate", ActTruncate, NoFD, 0, None, [abis]int16{-1, 193, -1, 193}},

	{"connect", "", ActConnect, NoFD, 1, None, [abis]int16{42, 362, 203, 283}},
	{"bind", "bind", ActBind, 0, 1, None, [abis]int16{49, 361, 200, 282}},
	{"socketcall", "bind", ActSockets, None, None, 0, [abis]int16{-1, 102, -1, -1}},

	{"execve", "exec", ActExec, NoFD, 0, None, [abis]int16{59, 11, 221, 11}},
	{"execveat", "exec", ActExec, 0, 1, 4, [abis]int16{322, 358, 281, 387}},

	{"setuid", "", ActUser, None, None, None, [abis]int16{105, 23, 146, 23}},
	{"setgid", "", ActUser, None, None, None, [abis]int16{106, 46, 144, 46}},
	{"setreuid", "", ActUser, None, None, None, [abis]int16{113, 70, 145, 70}},
	{"setregid", "", ActUser, None, None, None, [abis]int16{114, 71, 143, 71}},
	{"setresuid", "", ActUser, None, None, None, [abis]int16{117, 164, 147, 164}},
	{"setresgid", "", ActUser, None, None, None, [abis]int16{119, 170, 149, 170}},
	{"setfsuid", "", ActUser, None, None, None, [abis]int16{122, 138, 151, 138}},
	{"setfsgid", "", ActUser, None, None, None, [abis]int16{123, 139, 152, 139}},
	{"setgroups", "", ActGroups, None, None, None, [abis]int16{116, 81, 159, 81}},
	{"setuid32", "", ActUser, None, None, None, [abis]int16{-1, 213, -1, 213}},
	{"setgid32", "", ActUser, None, None, None, [abis]int16{-1, 214, -1, 214}},
	{"setreuid32", "", ActUser, None, None, None, [abis]int16{-1, 203, -1, 203}},
	{"setregid32", "", ActUser, None, None, None, [abis]int16{-1, 204, -1, 204}},
	{"setresuid32", "", ActUser, None, None, None, [abis]int16{-1, 208, -1, 208}},
	{"setresgid32", "", ActUser, None, None, None, [abis]int16{-1, 210, -1, 210}},
	{"setfsuid32", "", ActUser, None, None, None, [abis]int16{-1, 215, -1, 215}},
	{"setfsgid32", "", ActUser, None, None, None, [abis]int16{-1, 216, -1, 216}},
	{"setgroups32", "", ActGroups, None, None, None, [abis]int16{-1, 206, -1, 206}},
	{"capset", "", ActIdentity, None, None, None, [abis]int16{126, 185, 91, 185}},
	{"chroot", "", ActIdentity, None, None, None, [abis]int16{161, 61, 51, 61}},
	{"pivot_root", "", ActIdentity, None, None, None, [abis]int16{155, 217, 41, 218}},
}

// Find returns the description of a notified call; nil if the filter does not notify it.
func Find(tables *Table, arch uint32, nr int32) *Call {
	abi, ok := abiOf[arch]
	if !ok {
		return nil
	}
	if abi == abiAMD64 {
		nr &^= x32Bit
	}
	return tables[abi][int(nr)]
}

// Table holds the calls by their number, for each ABI.
type Table [abis]map[int]*Call

// Tables indexes the calls by number, an index for each ABI.
func Tables() *Table {
	var t Table
	for abi := range t {
		t[abi] = map[int]*Call{}
		for i := range syscalls {
			if nr := syscalls[i].NR[abi]; nr >= 0 {
				t[abi][int(nr)] = &syscalls[i]
			}
		}
	}
	return &t
}
