package trace

import "golang.org/x/sys/unix"

// action is what the observer does about a call.
type action uint8

const (
	actOpen     action = iota + 1 // open for writing or creating
	actOpenHow                    // openat2: the flags are in memory
	actMkdir                      // a new folder
	actCreate                     // a new entry that is no folder: mknod, symlink
	actRemove                     // unlink; unlinkat with AT_REMOVEDIR is actRmdir
	actRmdir                      //
	actRename                     //
	actLink                       //
	actMeta                       // owner's changes: chmod, chown, utimes, setxattr
	actTruncate                   //
	actBind                       // a socket's address
	actSockets                    // socketcall: bind among others
	actExec                       // another program: names and privileges change
	actUser                       // the user or group changes
	actGroups                     // the supplementary groups change
	actIdentity                   // capabilities or root change
)

// syscall describes one system call: what Write.Call says, what is done about it, which arguments hold the folder
// descriptor, the path and the flags (-1: none), and its number in each ABI.
type syscall struct {
	name   string
	call   string
	action action
	dirfd  int8
	path   int8
	flags  int8
	nr     [abis]int16
}

// The ABIs, in the order of syscall.nr. x32 has x86_64's numbers for these calls, with a bit set.
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

// noFD marks a call that takes a path relative to the working folder; fdOnly one that takes a descriptor alone.
const (
	noFD   = -1
	fdOnly = -1
	none   = -1
)

// syscalls are the calls that the filter notifies. A test compares the numbers with golang.org/x/sys/unix, which has
// them for one ABI a build only.
var syscalls = []syscall{
	{"open", "open", actOpen, noFD, 0, 1, [abis]int16{2, 5, -1, 5}},
	{"creat", "open", actOpen, noFD, 0, none, [abis]int16{85, 8, -1, 8}},
	{"openat", "open", actOpen, 0, 1, 2, [abis]int16{257, 295, 56, 322}},
	{"openat2", "open", actOpenHow, 0, 1, 2, [abis]int16{437, 437, 437, 437}},

	{"mkdir", "mkdir", actMkdir, noFD, 0, none, [abis]int16{83, 39, -1, 39}},
	{"mkdirat", "mkdir", actMkdir, 0, 1, none, [abis]int16{258, 296, 34, 323}},
	{"mknod", "mknod", actCreate, noFD, 0, none, [abis]int16{133, 14, -1, 14}},
	{"mknodat", "mknod", actCreate, 0, 1, none, [abis]int16{259, 297, 33, 324}},
	{"symlink", "symlink", actCreate, noFD, 1, none, [abis]int16{88, 83, -1, 83}},
	{"symlinkat", "symlink", actCreate, 1, 2, none, [abis]int16{266, 304, 36, 331}},

	{"unlink", "unlink", actRemove, noFD, 0, none, [abis]int16{87, 10, -1, 10}},
	{"unlinkat", "unlink", actRemove, 0, 1, 2, [abis]int16{263, 301, 35, 328}},
	{"rmdir", "rmdir", actRmdir, noFD, 0, none, [abis]int16{84, 40, -1, 40}},

	{"rename", "rename", actRename, noFD, 0, none, [abis]int16{82, 38, -1, 38}},
	{"renameat", "rename", actRename, 0, 1, none, [abis]int16{264, 302, 38, 329}},
	{"renameat2", "rename", actRename, 0, 1, 4, [abis]int16{316, 353, 276, 382}},
	{"link", "link", actLink, noFD, 0, none, [abis]int16{86, 9, -1, 9}},
	{"linkat", "link", actLink, 0, 1, 4, [abis]int16{265, 303, 37, 330}},

	{"chmod", "chmod", actMeta, noFD, 0, none, [abis]int16{90, 15, -1, 15}},
	{"fchmod", "chmod", actMeta, 0, fdOnly, none, [abis]int16{91, 94, 52, 94}},
	{"fchmodat", "chmod", actMeta, 0, 1, none, [abis]int16{268, 306, 53, 333}},
	{"fchmodat2", "chmod", actMeta, 0, 1, 3, [abis]int16{452, 452, 452, 452}},
	{"chown", "chown", actMeta, noFD, 0, none, [abis]int16{92, 182, -1, 182}},
	{"lchown", "chown", actMeta, noFD, 0, none, [abis]int16{94, 16, -1, 16}},
	{"fchown", "chown", actMeta, 0, fdOnly, none, [abis]int16{93, 95, 55, 95}},
	{"fchownat", "chown", actMeta, 0, 1, 4, [abis]int16{260, 298, 54, 325}},
	{"chown32", "chown", actMeta, noFD, 0, none, [abis]int16{-1, 212, -1, 212}},
	{"lchown32", "chown", actMeta, noFD, 0, none, [abis]int16{-1, 198, -1, 198}},
	{"fchown32", "chown", actMeta, 0, fdOnly, none, [abis]int16{-1, 207, -1, 207}},
	{"utime", "utime", actMeta, noFD, 0, none, [abis]int16{132, 30, -1, -1}},
	{"utimes", "utime", actMeta, noFD, 0, none, [abis]int16{235, 271, -1, 269}},
	{"futimesat", "utime", actMeta, 0, 1, none, [abis]int16{261, 299, -1, 326}},
	{"utimensat", "utime", actMeta, 0, 1, 3, [abis]int16{280, 320, 88, 348}},
	{"utimensat_time64", "utime", actMeta, 0, 1, 3, [abis]int16{-1, 412, -1, 412}},
	{"setxattr", "setxattr", actMeta, noFD, 0, none, [abis]int16{188, 226, 5, 226}},
	{"lsetxattr", "setxattr", actMeta, noFD, 0, none, [abis]int16{189, 227, 6, 227}},
	{"fsetxattr", "setxattr", actMeta, 0, fdOnly, none, [abis]int16{190, 228, 7, 228}},
	{"removexattr", "setxattr", actMeta, noFD, 0, none, [abis]int16{197, 235, 14, 235}},
	{"lremovexattr", "setxattr", actMeta, noFD, 0, none, [abis]int16{198, 236, 15, 236}},
	{"fremovexattr", "setxattr", actMeta, 0, fdOnly, none, [abis]int16{199, 237, 16, 237}},
	{"setxattrat", "setxattr", actMeta, 0, 1, 2, [abis]int16{463, 463, 463, 463}},
	{"removexattrat", "setxattr", actMeta, 0, 1, 2, [abis]int16{466, 466, 466, 466}},

	{"truncate", "truncate", actTruncate, noFD, 0, none, [abis]int16{76, 92, 45, 92}},
	{"truncate64", "truncate", actTruncate, noFD, 0, none, [abis]int16{-1, 193, -1, 193}},

	{"bind", "bind", actBind, 0, 1, none, [abis]int16{49, 361, 200, 282}},
	{"socketcall", "bind", actSockets, none, none, 0, [abis]int16{-1, 102, -1, -1}},

	{"execve", "exec", actExec, noFD, 0, none, [abis]int16{59, 11, 221, 11}},
	{"execveat", "exec", actExec, 0, 1, 4, [abis]int16{322, 358, 281, 387}},

	{"setuid", "", actUser, none, none, none, [abis]int16{105, 23, 146, 23}},
	{"setgid", "", actUser, none, none, none, [abis]int16{106, 46, 144, 46}},
	{"setreuid", "", actUser, none, none, none, [abis]int16{113, 70, 145, 70}},
	{"setregid", "", actUser, none, none, none, [abis]int16{114, 71, 143, 71}},
	{"setresuid", "", actUser, none, none, none, [abis]int16{117, 164, 147, 164}},
	{"setresgid", "", actUser, none, none, none, [abis]int16{119, 170, 149, 170}},
	{"setfsuid", "", actUser, none, none, none, [abis]int16{122, 138, 151, 138}},
	{"setfsgid", "", actUser, none, none, none, [abis]int16{123, 139, 152, 139}},
	{"setgroups", "", actGroups, none, none, none, [abis]int16{116, 81, 159, 81}},
	{"setuid32", "", actUser, none, none, none, [abis]int16{-1, 213, -1, 213}},
	{"setgid32", "", actUser, none, none, none, [abis]int16{-1, 214, -1, 214}},
	{"setreuid32", "", actUser, none, none, none, [abis]int16{-1, 203, -1, 203}},
	{"setregid32", "", actUser, none, none, none, [abis]int16{-1, 204, -1, 204}},
	{"setresuid32", "", actUser, none, none, none, [abis]int16{-1, 208, -1, 208}},
	{"setresgid32", "", actUser, none, none, none, [abis]int16{-1, 210, -1, 210}},
	{"setfsuid32", "", actUser, none, none, none, [abis]int16{-1, 215, -1, 215}},
	{"setfsgid32", "", actUser, none, none, none, [abis]int16{-1, 216, -1, 216}},
	{"setgroups32", "", actGroups, none, none, none, [abis]int16{-1, 206, -1, 206}},
	{"capset", "", actIdentity, none, none, none, [abis]int16{126, 185, 91, 185}},
	{"chroot", "", actIdentity, none, none, none, [abis]int16{161, 61, 51, 61}},
	{"pivot_root", "", actIdentity, none, none, none, [abis]int16{155, 217, 41, 218}},
}

// lookup finds the description of a notified call; nil if it is none of ours.
func lookup(tables *[abis]map[int]*syscall, arch uint32, nr int32) *syscall {
	abi, ok := abiOf[arch]
	if !ok {
		return nil
	}
	if abi == abiAMD64 {
		nr &^= x32Bit
	}
	return tables[abi][int(nr)]
}

// callTables indexes the calls by number, an index for each ABI.
func callTables() *[abis]map[int]*syscall {
	var t [abis]map[int]*syscall
	for abi := range t {
		t[abi] = map[int]*syscall{}
		for i := range syscalls {
			if nr := syscalls[i].nr[abi]; nr >= 0 {
				t[abi][int(nr)] = &syscalls[i]
			}
		}
	}
	return &t
}
