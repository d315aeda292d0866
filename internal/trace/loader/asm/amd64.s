// The loader for amd64. It stands at the entry of a program without any other code: no runtime, no stack but the kernel's.
//
// BX points to the strings, R12 is argv, R13 is envp, R14 the program in memory, R15 the present part.

#define NOSPLIT 4
#define NOFRAME 512

TEXT ·load(SB), NOSPLIT|NOFRAME, $0
	MOVQ SP, BX
	MOVQ 0(BX), AX           // argc
	LEAQ 8(BX), R12
	LEAQ 16(BX)(AX*8), R13
	SUBQ $64, BX             // nothing else uses the stack
	MOVQ $0x006c616573646f70, AX
	MOVQ AX, 0(BX)           // "podseal\0"
	MOVQ $0x616573646f702e2f, AX
	MOVQ AX, 8(BX)           // "/.podsea"
	MOVQ $0x0000000000302f6c, AX
	MOVQ AX, 16(BX)          // "l/0\0"; the digit is at 18, an empty string at 19

	MOVQ BX, DI
	MOVL $0x11, SI           // MFD_CLOEXEC|MFD_EXEC
	MOVL $319, AX            // memfd_create
	SYSCALL
	TESTQ AX, AX
	JGE  made
	MOVQ BX, DI              // Linux before 6.3 knows no MFD_EXEC
	MOVL $0x1, SI
	MOVL $319, AX
	SYSCALL
	TESTQ AX, AX
	JLT  fail
made:
	MOVQ AX, R14

next:
	LEAQ 8(BX), DI
	MOVL $0x80000, SI        // O_RDONLY|O_CLOEXEC
	MOVL $2, AX              // open
	SYSCALL
	TESTQ AX, AX
	JLT  run                 // there are no more parts
	MOVQ AX, R15
copy:
	MOVQ R14, DI
	MOVQ R15, SI
	MOVL $0, DX
	MOVL $0x1000000, R10
	MOVL $40, AX             // sendfile
	SYSCALL
	TESTQ AX, AX
	JLT  fail
	JNE  copy
	MOVQ R15, DI
	MOVL $3, AX              // close
	SYSCALL
	MOVBLZX 18(BX), AX
	ADDL $1, AX
	MOVB AX, 18(BX)
	JMP  next

run:
	MOVQ R14, DI
	LEAQ 19(BX), SI          // ""
	MOVQ R12, DX
	MOVQ R13, R10
	MOVL $0x1000, R8         // AT_EMPTY_PATH
	MOVL $322, AX            // execveat
	SYSCALL
fail:
	MOVL $125, DI
	MOVL $231, AX            // exit_group
	SYSCALL
	JMP  fail
