package plan

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/image"
)

// proposeExec adds the capabilities of a program's file, without which the kernel refuses to execute the program
// (capabilities(7): an effective file capability that the bounding set lacks makes execve fail with EPERM).
func proposeExec(ctx context.Context, f failure) (Proposal, error) {
	r := Proposal{Profile: f.cur}
	said, strength := f.logs, f.cap(FromLog)
	if f.run.Exit != nil && notPermitted(f.run.Exit.Error) {
		said, strength = f.run.Exit.Error, FromExit
	}
	if !notPermitted(said) {
		return r, nil
	}
	for _, name := range programs(f, said) {
		at, ok, err := image.HasProgram(ctx, f.in.Tree, name, Env(f.in, "PATH"))
		if err != nil {
			return r, fmt.Errorf("looking for the program %s in the image: %w", name, err)
		}
		if !ok {
			continue
		}
		e, _, err := f.in.Tree.Lookup(ctx, at)
		if err != nil {
			return r, fmt.Errorf("looking up %s in the image: %w", at, err)
		}
		for _, c := range FileCapabilities(e.Caps) {
			if slices.Contains(r.Profile.AddCapabilities, c) {
				continue
			}
			r.Profile = r.Profile.WithCapability(c)
			r.blame(CapabilityField, fmt.Sprintf("%s carries the file capability %s: the kernel refuses to execute it once all capabilities are dropped; "+
				"`RUN setcap -r %s` in the Dockerfile removes the need", at, c, at), "exec of "+at+": operation not permitted", strength)
		}
	}
	return r, nil
}

func notPermitted(said string) bool {
	return strings.Contains(strings.ToLower(said), "operation not permitted")
}

// programs returns the words that may name the program that failed to execute: those of the entrypoint and its arguments,
// and those of the lines that report the refusal.
func programs(f failure, said string) []string {
	argv := f.in.Target.Argv(f.in.Facts.Config.Config.Entrypoint, f.in.Facts.Config.Config.Cmd)
	for line := range strings.Lines(said) {
		if notPermitted(line) {
			argv = append(argv, strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\n:'\"`", r) })...)
		}
	}
	return argv
}

// capabilities are the kernel's capability names, by bit number (linux/capability.h), without CAP_.
var capabilities = []string{
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
	"LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE",
	"SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME",
	"SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG",
	"WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE",
}

// FileCapabilities returns the permitted capabilities of a security.capability attribute, without CAP_. The attribute is a
// struct vfs_cap_data in little endian: a magic number, then the permitted and the inheritable set, 32 bits each. A value
// that is too short has none.
func FileCapabilities(raw string) []string {
	b := []byte(raw)
	var out []string
	for word := range 2 {
		at := 4 + 8*word
		if len(b) < at+4 {
			break
		}
		set := binary.LittleEndian.Uint32(b[at:])
		for bit := range 32 {
			if n := 32*word + bit; set&(1<<bit) != 0 && n < len(capabilities) {
				out = append(out, capabilities[n])
			}
		}
	}
	return out
}
