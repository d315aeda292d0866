package doctor

import (
	"fmt"
	"strings"
)

// Engine holds the facts of a Docker engine.
type Engine struct {
	Address, Version, API        string
	System, Kernel, Architecture string
	Cgroup, CgroupDriver         string
	Storage                      string
	Containerd                   bool
	Seccomp                      string // name of the default profile; "" without seccomp
	AppArmor, SELinux            bool
	Remap, Rootless              bool
	MemoryLimit                  bool

	// Free is the free space in bytes on the engine's disk; negative where it is unknown.
	Free int64
	// Emulated are the other platforms that the engine's kernel can run; Emulation is false where that is unknown.
	Emulated  []string
	Emulation bool

	// Helper is why podseal's own program could not be loaded into the engine; "" where it was.
	Helper string
	// Sealed is why a sealed container could not run; "" where it did.
	Sealed string
	// Traced is why the container was not traced; "" where it was.
	Traced string
	// Observed is set where the observer, in the PID namespace of the engine's machine, saw the container's processes.
	Observed bool
}

// lowSpace is the free space below which a run may fill the disk: an image of a gigabyte is unpacked, and written to.
const lowSpace = 5 << 30

// ForEngine returns the report on a Docker engine.
func ForEngine(e Engine) Report {
	return Report{
		Version: reportVersion,
		Subject: fmt.Sprintf("Docker %s (API %s) at %s: %s, kernel %s, linux/%s", e.Version, e.API, e.Address, e.System, e.Kernel, e.Architecture),
		Capabilities: []Capability{
			e.sealed(), e.helper(), e.tracing(), e.hostPID(), e.seccomp(), e.appArmor(), e.seLinux(), e.remap(), e.rootless(),
			e.cgroup(), e.memory(), e.storage(), e.disk(), e.platforms(),
		},
	}
}

func (e Engine) sealed() Capability {
	c := Capability{
		ID: "sealed-run", Name: "sealed containers", Has: is(e.Sealed == ""), Required: true, Detail: e.Sealed,
		Consequence: "a container ran as user 65532 with a read-only root, no capability, no new privileges, one writable folder, and ports below 1024 closed",
	}
	switch {
	case e.Sealed != "" && e.Helper != "":
		c.Has, c.Consequence, c.Required = Unknown, "nothing was run: there is no program to run", false
	case e.Sealed != "":
		c.Consequence = "podseal cannot prove a profile on this engine"
		c.Remedy = "make a container with these settings run: docker run --read-only --cap-drop ALL --security-opt no-new-privileges --sysctl net.ipv4.ip_unprivileged_port_start=1024 -u 65532 IMAGE"
	}
	return c
}

func (e Engine) helper() Capability {
	return Capability{
		ID: "helper", Name: "helper program", Has: is(e.Helper == ""), Detail: e.Helper,
		Consequence: choose(e.Helper == "", "pods with several containers run, and containers are observed from inside",
			"only single containers run, and writes are known from docker diff and the logs alone"),
		Remedy: choose(e.Helper == "", "", "use a release build of podseal, which carries the program for each architecture, or build it with CGO_ENABLED=0"),
	}
}

func (e Engine) tracing() Capability {
	c := Capability{
		ID: "tracing", Name: "tracing of writes", Has: is(e.Traced == ""), Detail: e.Traced,
		Consequence: choose(e.Traced == "", "each write is seen with its process, also refused ones and files that were removed again",
			"files that were removed again and writes below a VOLUME are not seen; a refused write shows only in the logs or by a failure"),
	}
	if e.Traced != "" {
		c.Remedy = "use Linux 5.5 or later, an engine without userns-remap whose policy allows --pid=host and seccomp notifications"
	}
	return c
}

func (e Engine) hostPID() Capability {
	return Capability{
		ID: "host-pid", Name: "PID namespace of the machine", Has: is(e.Observed),
		Consequence: choose(e.Observed, "the observer, a container without network and with the one capability SYS_PTRACE, sees each container's processes",
			"processes, their users and the sizes of mounts are not seen from inside"),
		Remedy: choose(e.Observed, "", "allow podseal's observer container: docker run --pid=host --cap-drop ALL --cap-add SYS_PTRACE"),
	}
}

func (e Engine) seccomp() Capability {
	c := Capability{ID: "seccomp", Name: "default seccomp profile", Has: Yes, Detail: e.Seccomp, Consequence: "sealed runs are under a filter like RuntimeDefault of a node"}
	name := strings.TrimPrefix(e.Seccomp, "builtin")
	switch {
	case e.Seccomp == "" || name == "unconfined":
		c.Has, c.Consequence = No, "seccompProfile: RuntimeDefault is emitted, and was not tried: the engine filters no system call"
		c.Remedy = "start the engine with its default seccomp profile"
	case name != "" && name != "default":
		c.Consequence = "sealed runs are under the engine's own filter, which may differ from RuntimeDefault of a node"
	}
	return c
}

func (e Engine) appArmor() Capability {
	return Capability{
		ID: "apparmor", Name: "AppArmor", Has: is(e.AppArmor),
		Consequence: choose(e.AppArmor, "containers run under the engine's AppArmor profile, as on a node with AppArmor",
			"containers run without an AppArmor profile; on a node with AppArmor the runtime's profile is added and was not tried"),
		Remedy: choose(e.AppArmor, "", "if your nodes use AppArmor, confirm the seal with podseal verify"),
	}
}

func (e Engine) seLinux() Capability {
	return Capability{
		ID: "selinux", Name: "SELinux", Has: is(e.SELinux),
		Consequence: choose(e.SELinux, "containers run under SELinux labels, but traced ones have label=disable; the confirmation run has its label",
			"containers run without SELinux labels"),
	}
}

func (e Engine) remap() Capability {
	return Capability{
		ID: "userns-remap", Name: "user namespaces (userns-remap)", Has: is(e.Remap),
		Consequence: choose(e.Remap, "the users of containers are mapped to others of the machine: the engine gives no container the machine's PID namespace, and nothing is traced",
			"the users of containers are those of the machine, as in a pod with hostUsers: true"),
		Remedy: choose(e.Remap, "use an engine without userns-remap for podseal", ""),
	}
}

func (e Engine) rootless() Capability {
	return Capability{
		ID: "rootless", Name: "rootless engine", Has: is(e.Rootless),
		Consequence: choose(e.Rootless, "root of a container is a user of the machine; memory limits and privileged ports depend on that user's rights",
			"the engine runs as root"),
	}
}
