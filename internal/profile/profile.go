// Package profile describes the permissions of a container: who it runs as and what it may write and use.
//
// The planner proposes a profile, the engine enforces it, the emitter writes it down. A profile is plain data; the
// reasons for its fields are separate values (see Reason), so that two profiles are equal when they allow the same.
package profile

import (
	"maps"
	"path"
	"slices"
	"strings"
)

// Profile is what a container may do. The zero value, with a non-zero User, is fully sealed: read-only root
// filesystem, no writable folder, all capabilities dropped, no new privileges, default seccomp.
//
// A Profile is a value: the With methods return a changed copy and leave the receiver alone.
type Profile struct {
	// Open marks the unrestricted profile: the container runs as its image and its target say. All other fields are
	// ignored. The open run uses it.
	Open bool `json:"open,omitempty"`

	// User is who the container runs as. Root (uid 0) is an exception, never a seal.
	User User `json:"user"`

	// Mounts are the folders that are writable, sorted by Path, each Path clean and unique.
	Mounts []Mount `json:"mounts,omitempty"`

	// WorkingDir, when not empty, replaces the image's (or the target's) working directory.
	WorkingDir string `json:"workingDir,omitempty"`

	// Env is set in addition to the target's environment, for example HOME for a user that has none.
	Env map[string]string `json:"env,omitempty"`

	// LowPorts opens ports below 1024 to the unprivileged user, by the pod sysctl
	// net.ipv4.ip_unprivileged_port_start=0.
	LowPorts bool `json:"lowPorts,omitempty"`

	// Ping lets everyone send ICMP echoes, by the pod sysctl net.ipv4.ping_group_range="0 2147483647".
	Ping bool `json:"ping,omitempty"`

	// AddCapabilities are given back after ALL were dropped, sorted, in Kubernetes spelling ("NET_BIND_SERVICE").
	// Only NET_BIND_SERVICE is allowed by the restricted level; any other is an exception.
	AddCapabilities []string `json:"addCapabilities,omitempty"`

	// FSGroup is the group that the pod's volumes are given to; 0 leaves them as the pod says. It lets a user that is not
	// root write into a persistent volume.
	FSGroup int64 `json:"fsGroup,omitempty"`

	// Seeding says what the init containers of Mounts run in. It matters only where a mount needs one.
	Seeding Seeding `json:"seeding,omitzero"`

	// WritableRoot leaves the root filesystem writable. An exception.
	WritableRoot bool `json:"writableRoot,omitempty"`

	// AllowPrivilegeEscalation leaves no_new_privs unset. An exception.
	AllowPrivilegeEscalation bool `json:"allowPrivilegeEscalation,omitempty"`
}

// User is a numeric user as Kubernetes takes it: runAsUser, runAsGroup and supplementalGroups.
type User struct {
	UID    int64   `json:"uid"`
	GID    int64   `json:"gid"`
	Groups []int64 `json:"groups,omitempty"` // supplementary groups, sorted, without GID
}

// MountKind says what a mount holds when the container starts.
type MountKind string

const (
	// Plain is an empty folder, 0777 root:root, as the kubelet makes an emptyDir.
	Plain MountKind = "plain"
	// Owned is an empty folder that an init container made as the same user (0755 uid:gid), mounted by subPath.
	Owned MountKind = "owned"
	// Seeded is a folder that an init container filled with the image's content as the same user, mounted by subPath.
	Seeded MountKind = "seeded"
)

// Medium is the medium of an emptyDir.
type Medium string

const (
	// Disk is the node's disk: the folder's mode is 0777, without the sticky bit.
	Disk Medium = ""
	// Memory is a tmpfs: the folder's mode is 1777.
	Memory Medium = "Memory"
)

// Mount is one folder that the profile makes writable, as an emptyDir.
type Mount struct {
	Path   string    `json:"path"` // absolute and clean, in the container
	Kind   MountKind `json:"kind"`
	Medium Medium    `json:"medium,omitempty"`
	// Volume is true when the image declares Path as a VOLUME: such a mount is always emitted, since runtimes differ
	// in what they put there otherwise.
	Volume bool `json:"volume,omitempty"`
	// Rewritable makes the seed's copies writable for their owner: of a file that the image has as read-only, a copy by
	// the same mode could not be opened for writing by a user who is not root.
	Rewritable bool `json:"rewritable,omitempty"`
	// Partial leaves out of the seed what the user may not read, as the application could not either, and device files.
	Partial bool `json:"partial,omitempty"`
	// Private gives the folder of an owned or seeded mount the mode 0700, where the image lets nobody else into it: some
	// applications refuse a data folder that others may enter.
	Private bool `json:"private,omitempty"`
	// SizeLimit is the proposed limit in bytes; 0 means none. No run enforces it, so that it takes no part in Equal.
	SizeLimit int64 `json:"sizeLimit,omitempty"`
}

// Reason says why a field of a profile is what it is, and how that was shown.
type Reason struct {
	// Field names the field in Kubernetes words ("runAsUser", "capabilities"), or "mount PATH" for a mount.
	Field string `json:"field"`
	// Mount is the path of the mount that the reason is about; empty for any other field.
	Mount string `json:"mount,omitempty"`
	// Why is one sentence with its evidence ("USER redis is uid 999 in /etc/passwd").
	Why string `json:"why"`
	// Proof names the run that failed without it ("without it: exited 1, EROFS /run/nginx.pid"); empty if not proved.
	Proof string `json:"proof,omitempty"`
}

// Unrestricted returns the profile of the open run.
func Unrestricted() Profile { return Profile{Open: true} }

// Mount returns the mount at exactly the given path.
func (p Profile) Mount(at string) (Mount, bool) {
	at = path.Clean(at)
	for _, m := range p.Mounts {
		if m.Path == at {
			return m, true
		}
	}
	return Mount{}, false
}

// Covering returns the deepest mount at or above the given path.
func (p Profile) Covering(at string) (Mount, bool) {
	var best Mount
	found := false
	for _, m := range p.Mounts {
		if Within(at, m.Path) && (!found || len(m.Path) > len(best.Path)) {
			best, found = m, true
		}
	}
	return best, found
}

// WithMount returns the profile with the mount added, or replaced where one has the same path.
func (p Profile) WithMount(m Mount) Profile {
	m.Path = path.Clean(m.Path)
	p = p.WithoutMount(m.Path)
	p.Mounts = append(slices.Clone(p.Mounts), m)
	slices.SortFunc(p.Mounts, func(a, b Mount) int { return strings.Compare(a.Path, b.Path) })
	return p
}

// WithoutMount returns the profile without the mount at exactly the given path.
func (p Profile) WithoutMount(at string) Profile {
	at = path.Clean(at)
	p.Mounts = slices.DeleteFunc(slices.Clone(p.Mounts), func(m Mount) bool { return m.Path == at })
	return p
}

// WithEnv returns the profile with one more environment variable.
func (p Profile) WithEnv(name, value string) Profile {
	env := maps.Clone(p.Env)
	if env == nil {
		env = map[string]string{}
	}
	env[name] = value
	p.Env = env
	return p
}

// WithCapability returns the profile with a capability given back.
func (p Profile) WithCapability(name string) Profile {
	if !slices.Contains(p.AddCapabilities, name) {
		p.AddCapabilities = append(slices.Clone(p.AddCapabilities), name)
		slices.Sort(p.AddCapabilities)
	}
	return p
}

// Equal reports whether two profiles allow the same.
func (p Profile) Equal(q Profile) bool {
	if p.Open || q.Open {
		return p.Open == q.Open
	}
	return p.User.UID == q.User.UID && p.User.GID == q.User.GID && slices.Equal(p.User.Groups, q.User.Groups) &&
		slices.EqualFunc(p.Mounts, q.Mounts, sameMount) && p.Seeding == q.Seeding && p.WorkingDir == q.WorkingDir && maps.Equal(p.Env, q.Env) &&
		p.LowPorts == q.LowPorts && p.Ping == q.Ping && p.FSGroup == q.FSGroup && slices.Equal(p.AddCapabilities, q.AddCapabilities) &&
		p.WritableRoot == q.WritableRoot && p.AllowPrivilegeEscalation == q.AllowPrivilegeEscalation
}

func sameMount(a, b Mount) bool {
	a.SizeLimit, b.SizeLimit = 0, 0
	return a == b
}

// Exceptions lists, in Kubernetes words, the settings by which the profile falls short of a seal. A seal has none.
func (p Profile) Exceptions() []string {
	if p.Open {
		return []string{"unrestricted"}
	}
	var out []string
	if p.User.UID == 0 {
		out = append(out, "runAsNonRoot")
	}
	if p.WritableRoot {
		out = append(out, "readOnlyRootFilesystem")
	}
	if p.AllowPrivilegeEscalation {
		out = append(out, "allowPrivilegeEscalation")
	}
	for _, c := range p.AddCapabilities {
		if c != "NET_BIND_SERVICE" {
			out = append(out, "capabilities:"+c)
		}
	}
	return out
}

// Within reports whether the path at is dir itself or lies below it. Both must be clean and absolute.
func Within(at, dir string) bool {
	return at == dir || dir == "/" || strings.HasPrefix(at, dir+"/")
}
