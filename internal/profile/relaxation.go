package profile

import (
	"maps"
	"slices"
	"strings"
)

// Relaxation is one named step away from the full seal, as a profile has it.
type Relaxation struct {
	// ID names the step: "mount /run", "owned /run", "capability CHOWN". Two profiles of the same user that have the same
	// relaxations allow the same, except for what a seed copies.
	ID   string
	Kind RelaxationKind
	Path string // of the mount; empty where the step is not about one
	// Exception is set where the restricted level of Pod Security, or a read-only root filesystem, does not allow it.
	Exception bool
	// Undo returns a profile without this step.
	Undo func(Profile) Profile
}

// RelaxationKind says what a relaxation is about.
type RelaxationKind int

// The kinds of relaxations.
const (
	SettingStep    RelaxationKind = iota // a setting that is not one of the others
	MountStep                            // a mount
	OwnedStep                            // that the user owns a mount
	SeededStep                           // that a mount holds a copy of the image's content
	MemoryStep                           // that a mount is in memory
	CapabilityStep                       // a capability that is added
)

// The IDs of relaxations that a profile has at most once.
const (
	LowPortsID    = "sysctl net.ipv4.ip_unprivileged_port_start"
	PingID        = "sysctl net.ipv4.ping_group_range"
	FSGroupID     = "fsGroup"
	WorkingDirID  = "workingDir"
	HomeID        = "env HOME"
	WritableID    = "readOnlyRootFilesystem"
	EscalationID  = "allowPrivilegeEscalation"
	RootID        = "runAsNonRoot"
	envPrefix     = "env "
	allowedByRule = "NET_BIND_SERVICE" // the one capability that the restricted level lets a container add
)

// MountID returns the ID of a mount.
func MountID(at string) string { return "mount " + at }

// MountOf returns the path of the mount whose ID this is; ok is false for any other ID.
func MountOf(id string) (at string, ok bool) { return strings.CutPrefix(id, MountID("")) }

// OwnedID returns the ID of the step that gives a mount to its user.
func OwnedID(at string) string { return "owned " + at }

// SeededID returns the ID of the step that copies the image's content into a mount.
func SeededID(at string) string { return "seeded " + at }

// MemoryID returns the ID of the step that keeps a mount in memory.
func MemoryID(at string) string { return "memory " + at }

// CapabilityID returns the ID of a capability that is added.
func CapabilityID(name string) string { return "capability " + name }

// Relaxations returns the steps that lead from the full seal to the profile, in a stable order. An open profile has none.
func (p Profile) Relaxations() []Relaxation {
	if p.Open {
		return nil
	}
	var out []Relaxation
	for _, m := range p.Mounts {
		out = append(out, m.relaxations(p)...)
	}
	add := func(has bool, id string, exception bool, undo func(Profile) Profile) {
		if has {
			out = append(out, Relaxation{ID: id, Exception: exception, Undo: undo})
		}
	}
	add(p.LowPorts, LowPortsID, false, func(p Profile) Profile { p.LowPorts = false; return p })
	add(p.Ping, PingID, false, func(p Profile) Profile { p.Ping = false; return p })
	add(p.FSGroup != 0, FSGroupID, false, func(p Profile) Profile { p.FSGroup = 0; return p })
	add(p.WorkingDir != "", WorkingDirID, false, func(p Profile) Profile {
		p = p.WithoutMount(p.WorkingDir)
		p.WorkingDir = ""
		return p
	})
	for _, name := range slices.Sorted(maps.Keys(p.Env)) {
		add(true, envPrefix+name, false, func(p Profile) Profile { return p.withoutEnv(name) })
	}
	for _, c := range p.AddCapabilities {
		out = append(out, Relaxation{ID: CapabilityID(c), Kind: CapabilityStep, Exception: c != allowedByRule, Undo: func(p Profile) Profile {
			return p.WithoutCapability(c)
		}})
	}
	add(p.WritableRoot, WritableID, true, func(p Profile) Profile { p.WritableRoot = false; return p })
	add(p.AllowPrivilegeEscalation, EscalationID, true, func(p Profile) Profile { p.AllowPrivilegeEscalation = false; return p })
	return out
}

// relaxations returns the steps of one mount. A mount that belongs to a setting (the working directory, HOME) is undone with
// the setting.
func (m Mount) relaxations(p Profile) []Relaxation {
	var out []Relaxation
	if !m.Volume && m.Path != p.WorkingDir && m.Path != p.Env["HOME"] {
		out = append(out, Relaxation{ID: MountID(m.Path), Kind: MountStep, Path: m.Path, Undo: func(p Profile) Profile {
			return p.WithoutMount(m.Path)
		}})
	}
	change := func(id string, kind RelaxationKind, f func(*Mount)) {
		out = append(out, Relaxation{ID: id, Kind: kind, Path: m.Path, Undo: func(p Profile) Profile {
			m, ok := p.Mount(m.Path)
			if !ok {
				return p
			}
			f(&m)
			return p.WithMount(m)
		}})
	}
	switch m.Kind {
	case Owned:
		change(OwnedID(m.Path), OwnedStep, func(m *Mount) { m.Kind, m.Private = Plain, false })
	case Seeded:
		change(SeededID(m.Path), SeededStep, func(m *Mount) { m.Kind, m.Private, m.Rewritable, m.Partial = Plain, false, false, false })
	}
	if m.Medium == Memory {
		change(MemoryID(m.Path), MemoryStep, func(m *Mount) { m.Medium = Disk })
	}
	return out
}

// withoutEnv returns the profile without an environment variable, for HOME without its mount as well.
func (p Profile) withoutEnv(name string) Profile {
	if name == "HOME" {
		p = p.WithoutMount(p.Env[name])
	}
	p.Env = maps.Clone(p.Env)
	delete(p.Env, name)
	return p
}

// WithoutCapability returns the profile without an added capability.
func (p Profile) WithoutCapability(name string) Profile {
	p.AddCapabilities = slices.DeleteFunc(slices.Clone(p.AddCapabilities), func(c string) bool { return c == name })
	return p
}

// Leq reports whether p allows at most what q allows: it has no relaxation that q has not, and the same user, unless q is
// root. An open profile allows everything.
func (p Profile) Leq(q Profile) bool {
	if p.Open || q.Open {
		return q.Open
	}
	sameUser := p.User.UID == q.User.UID && p.User.GID == q.User.GID && slices.Equal(p.User.Groups, q.User.Groups)
	if q.User.UID != 0 && !sameUser {
		return false
	}
	has := map[string]bool{}
	for _, r := range q.Relaxations() {
		has[r.ID] = true
	}
	for _, m := range q.Mounts { // a mount that belongs to a setting, or a VOLUME, is a mount all the same
		has[MountID(m.Path)] = true
	}
	return !slices.ContainsFunc(p.Relaxations(), func(r Relaxation) bool { return !has[r.ID] })
}
