// The loader for arm64. It stands at the entry of a program without any other code: no runtime, no stack but the kernel's.
//
// R19 points to the strings, R20 is argv, R21 is envp, R22 the program in memory, R23 the present part.

#define NOSPLIT 4
#define NOFRAME 512

TEXT ·load(SB), NOSPLIT|NOFRAME, $0
	MOVD RSP, R19
	MOVD 0(R19), R1          // argc
	ADD  $8, R19, R20
	ADD  $16, R19, R21
	ADD  R1<<3, R21, R21
	SUB  $64, R19, R19       // nothing else uses the stack
	MOVD $0x006c616573646f70, R1
	MOVD R1, 0(R19)          // "podseal\0"
	MOVD $0x616573646f702e2f, R1
	MOVD R1, 8(R19)          // "/.podsea"
	MOVD $0x0000000000302f6c, R1
	MOVD R1, 16(R19)         // "l/0\0"; the digit is at 18, an empty string at 19

	MOVD R19, R0
	MOVD $0x11, R1           // MFD_CLOEXEC|MFD_EXEC
	MOVD $279, R8            // memfd_create
	SVC
	CMP  $0, R0
	BGE  made
	MOVD R19, R0             // Linux before 6.3 knows no MFD_EXEC
	MOVD $0x1, R1
	MOVD $279, R8
	SVC
	CMP  $0, R0
	BLT  fail
made:
	MOVD R0, R22

next:
	MOVD $-100, R0           // AT_FDCWD
	ADD  $8, R19, R1
	MOVD $0x80000, R2        // O_RDONLY|O_CLOEXEC
	MOVD $0, R3
	MOVD $56, R8             // openat
	SVC
	CMP  $0, R0
	BLT  run                 // there are no more parts
	MOVD R0, R23
copy:
	MOVD R22, R0
	MOVD R23, R1
	MOVD $0, R2
	MOVD $0x1000000, R3
	MOVD $71, R8             // sendfile
	SVC
	CMP  $0, R0
	BLT  fail
	BNE  copy
	MOVD R23, R0
	MOVD $57, R8             // close
	SVC
	MOVBU 18(R19), R1
	ADD  $1, R1, R1
	MOVB R1, 18(R19)
	B    next

run:
	MOVD R22, R0
	ADD  $19, R19, R1        // ""
	MOVD R20, R2
	MOVD R21, R3
	MOVD $0x1000, R4         // AT_EMPTY_PATH
	MOVD $281, R8            // execveat
	SVC
fail:
	MOVD $125, R0
	MOVD $94, R8             // exit_group
	SVC
	B    fail
