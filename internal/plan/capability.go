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
	said := f.logs
	if f.run.Exit != nil {
		said += "\n" + f.run.Exit.Error
	}
	if !strings.Contains(strings.ToLower(said), "operation not permitted") {
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
			if slices.Contains(f.cur.AddCapabilities, c) {
				continue
			}
			r.Profile = r.Profile.WithCapability(c)
			r.blame(CapabilityField, fmt.Sprintf("%s carries the file capability %s: the kernel refuses to execute it once all capabilities are dropped; "+
				"`RUN setcap -r %s` in the Dockerfile removes the need", at, c, at), "exec of "+at+": operation not permitted", FromExit)
		}
	}
	return r, nil
}

// programs returns the words that may name the program that failed to execute: those of the entrypoint and its arguments,
// and those of the lines that report the refusal.
func programs(f failure, said string) []string {
	c := f.in.Facts.Config.Config
	argv := append(slices.Clone(c.Entrypoint), c.Cmd...)
	if f.in.Target.Entrypoint != nil {
		argv = append(slices.Clone(f.in.Target.Entrypoint), f.in.Target.Args...)
	}
	for line := range strings.Lines(said) {
		if strings.Contains(strings.ToLower(line), "operation not permitted") {
			argv = append(argv, strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\n:'\"`", r) })...)
		}
	}
	var out []string
	for _, a := range argv {
		if a != "" && !strings.HasPrefix(a, "-") && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
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
