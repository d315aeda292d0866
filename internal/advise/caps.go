package advise

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// capTable are the capabilities by their number.
var capTable = strings.Fields(`CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
	NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT
	SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
	MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE`)

// capNames reads the permitted capabilities of a security.capability value (vfs_cap_data: a magic, then words of
// permitted and inheritable bits).
func capNames(raw string) string {
	b := []byte(raw)
	if len(b) < 12 {
		return "unreadable capabilities"
	}
	bits := uint64(binary.LittleEndian.Uint32(b[4:]))
	if len(b) >= 20 {
		bits |= uint64(binary.LittleEndian.Uint32(b[12:])) << 32
	}
	var out []string
	for i := range 64 {
		if bits&(1<<i) == 0 {
			continue
		}
		if i < len(capTable) {
			out = append(out, capTable[i])
		} else {
			out = append(out, fmt.Sprintf("capability %d", i))
		}
	}
	return strings.Join(out, ", ")
}
