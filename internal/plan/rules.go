package plan

import (
	"context"
	"encoding/binary"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
)

// repairExec answers a program that cannot be executed because its file carries a capability that was dropped.
func repairExec(ctx context.Context, f failure) (Repair, error) {
	r := Repair{Profile: f.cur}
	said := f.run.Logs
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
			r.blame(CapabilityField, fmt.Sprintf("%s carries the file capability %s, without which it cannot be executed once all are dropped; "+
				"`RUN setcap -r %s` in the Dockerfile makes it needless", at, c, at), "exec of "+at+": operation not permitted")
		}
	}
	return r, nil
}

// programs are the names that may be the program which failed to execute: the entrypoint's words, and the words of the
// lines that say so.
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

// Env is the value of an environment variable as the application sees it: the target's, else the image's.
func Env(in Input, name string) string {
	value := ""
	for _, kv := range in.Facts.Config.Config.Env {
		if k, v, ok := strings.Cut(kv, "="); ok && k == name {
			value = v
		}
	}
	for _, e := range in.Target.Env {
		if e.Name == name {
			value = e.Value
		}
	}
	return value
}

// capabilities are the kernel's names, by bit.
var capabilities = []string{
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
	"LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE",
	"SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME",
	"SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG",
	"WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE",
}

// FileCapabilities are the permitted capabilities in a security.capability attribute (struct vfs_cap_data, little
// endian: a magic number, then the permitted and inheritable sets, 32 bits each). A short value has none.
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

// repairPort answers a refused bind of a port below 1024.
func repairPort(_ context.Context, f failure) (Repair, error) {
	r := Repair{Profile: f.cur}
	if f.cur.LowPorts {
		return r, nil
	}
	for _, p := range f.run.DeniedPorts {
		if p < 1024 {
			r.Profile.LowPorts = true
			r.blame(LowPortField, fmt.Sprintf("binds port %d, which a kubelet does not open to a non-root user", p), fmt.Sprintf("EACCES bind of port %d", p))
			return r, nil
		}
	}
	for _, l := range f.refused {
		if l.Bind && l.Errno == "EACCES" && !strings.HasPrefix(l.Path, "/") {
			r.Profile.LowPorts = true
			r.blame(LowPortField, "binds a port below 1024, which a kubelet does not open to a non-root user", l.Line)
			return r, nil
		}
	}
	return r, nil
}

// repairTemp answers messages about temp folders: the mount that a sticky folder of the image needs, in memory, where
// the folder's mode is 1777 as on any machine; a disk emptyDir is 0777, which some libraries refuse.
func repairTemp(ctx context.Context, f failure) (Repair, error) {
	r := Repair{Profile: f.cur}
	line := ""
	for _, l := range f.refused {
		if l.Temp {
			line = l.Line
		}
	}
	for l := range strings.Lines(f.run.Logs) {
		if line == "" && unsafe.MatchString(l) {
			line = strings.TrimSpace(l)
		}
	}
	for _, p := range tempFolders {
		e, ok, err := f.in.Tree.Lookup(ctx, p)
		if err != nil {
			return r, fmt.Errorf("looking up %s in the image: %w", p, err)
		}
		m, mounted := f.cur.Mount(p)
		switch {
		case mounted && line != "" && m.Medium == profile.Disk:
			m.Medium = profile.Memory
			r.mount(m, "a disk emptyDir is 0777 without the sticky bit, which the application refuses for temp files; in memory it is 1777", line)
		case !mounted && ok && e.Kind == image.Dir && p == "/tmp" && (line != "" || !f.run.Trace.On):
			r.mount(profile.Mount{Path: p, Kind: profile.Plain}, "temp files, which docker diff does not show once they are removed", line)
		}
	}
	return r, nil
}

// repairOwner lets the application own the mounts that its messages about owners and modes name.
func repairOwner(_ context.Context, f failure) (Repair, error) {
	r := Repair{Profile: f.cur}
	for _, l := range ownershipLines(f) {
		for _, m := range f.cur.Mounts {
			if m.Kind == profile.Plain && strings.Contains(l, m.Path) {
				m.Kind = profile.Owned
				r.mount(m, "the application wants to own the folder, which a kubelet makes root's", l)
			}
		}
	}
	return r, nil
}

func ownershipLines(f failure) []string {
	var out []string
	for l := range strings.Lines(f.run.Logs) {
		if ownership.MatchString(l) {
			out = append(out, strings.TrimSpace(l))
		}
	}
	return out
}

// repairDeferred mounts what the open run wrote and the first profile left read-only.
func repairDeferred(ctx context.Context, f failure) (Repair, error) {
	r := Repair{Profile: f.cur}
	for _, d := range f.plan.Deferred {
		if _, ok := f.cur.Mount(d.Path); ok || onlyMetadata(d) || d.Content == diff.Filled && systemFolder(d.Path) {
			continue
		}
		if err := r.mountFolder(ctx, f, d, "the open run wrote "+d.Evidence[0].Path); err != nil {
			return r, err
		}
	}
	return r, nil
}

func onlyMetadata(f diff.Folder) bool {
	for _, e := range f.Evidence {
		if !e.MetadataOnly() {
			return false
		}
	}
	return true
}

// repairUnused is repairRaise for the mounts in which the open run wrote at its start, and this run, which was ready, did
// not: there the mount point itself made the difference.
func repairUnused(_ context.Context, f failure) (Repair, error) {
	r := Repair{Profile: f.cur}
	if f.run.FailedIn != observe.E2E || !f.run.Trace.On || f.run.Trace.Lost > 0 {
		return r, nil
	}
	seen := diff.Collect(f.run)
	for _, o := range f.plan.Folders {
		within := func(e diff.Evidence) bool { return e.Path != o.Path && profile.Within(e.Path, o.Path) }
		atStart := func(e diff.Evidence) bool { return within(e) && e.Phase == observe.Start }
		if slices.ContainsFunc(o.Evidence, atStart) && !slices.ContainsFunc(seen, within) {
			f.raise(&r, o, "the open run wrote in it, this one did not")
		}
	}
	return r, nil
}

// repairRaise mounts the folder above a mount that the application makes itself: that the mount point exists may change
// what the application does, or it replaces the folder as a whole.
func repairRaise(_ context.Context, f failure) (Repair, error) {
	r := Repair{Profile: f.cur}
	for _, o := range f.plan.Folders {
		f.raise(&r, o, noSign)
	}
	return r, nil
}

// raise mounts the folder above one that is mounted and that the application makes itself.
func (f failure) raise(r *Repair, o diff.Folder, evidence string) {
	base := path.Dir(o.Path)
	if _, ok := r.Profile.Mount(o.Path); !ok || !o.Created || strings.Count(base, "/") < 2 {
		return
	}
	r.Profile = f.withoutBelow(r.Profile, base)
	r.mount(profile.Mount{Path: base, Kind: profile.Seeded}, fmt.Sprintf("the application makes %s itself and does not take a mount there", o.Path), evidence)
}

// repairEveryOwner lets the application own every plain mount that the image has as a folder of the user's own.
func repairEveryOwner(ctx context.Context, f failure) (Repair, error) {
	r := Repair{Profile: f.cur}
	for _, m := range f.cur.Mounts {
		e, ok, err := f.in.Tree.Lookup(ctx, m.Path)
		if err != nil {
			return r, fmt.Errorf("looking up %s in the image: %w", m.Path, err)
		}
		if m.Kind == profile.Plain && ok && e.UID != 0 {
			m.Kind = profile.Owned
			r.mount(m, fmt.Sprintf("in the image uid %d owns the folder", e.UID), noSign)
		}
	}
	return r, nil
}

// repairEverySticky puts into memory the mounts that are sticky folders in the image: only there are they sticky, too.
func repairEverySticky(ctx context.Context, f failure) (Repair, error) {
	r := Repair{Profile: f.cur}
	for _, m := range f.cur.Mounts {
		e, ok, err := f.in.Tree.Lookup(ctx, m.Path)
		if err != nil {
			return r, fmt.Errorf("looking up %s in the image: %w", m.Path, err)
		}
		if ok && e.Mode&fs.ModeSticky != 0 && m.Kind == profile.Plain && m.Medium == profile.Disk {
			m.Medium = profile.Memory
			r.mount(m, "in the image the folder has the sticky bit; a disk emptyDir has none, one in memory does", noSign)
		}
	}
	return r, nil
}
