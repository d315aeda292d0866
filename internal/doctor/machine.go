package doctor

import (
	"fmt"
	"strings"
)

func (e Engine) cgroup() Capability {
	v2 := e.Cgroup == "2"
	return Capability{
		ID: "cgroup-v2", Name: "cgroup version 2", Has: is(v2), Detail: strings.Trim("version "+e.Cgroup+", driver "+e.CgroupDriver, " ,"),
		Consequence: choose(v2, "applications see their limits as on a current node",
			"applications that read their memory and processor limits from cgroup files read other files than on a current node"),
		Remedy: choose(v2, "", "if an application sizes itself by its limits, confirm the seal with podseal verify"),
	}
}

func (e Engine) memory() Capability {
	return Capability{
		ID: "memory-limit", Name: "memory limits", Has: is(e.MemoryLimit),
		Consequence: choose(e.MemoryLimit, "a pod's memory limit holds in each run", "a pod's memory limit is not applied: an application that exceeds it passes here and is killed in a cluster"),
		Remedy:      choose(e.MemoryLimit, "", "delegate the memory controller to the engine"),
	}
}

func (e Engine) storage() Capability {
	store := choose(e.Containerd, "containerd image store", "graph driver")
	c := Capability{
		ID: "copy-on-write", Name: "copy-on-write storage", Has: is(e.Storage != "vfs"), Detail: fmt.Sprintf("%s, %s", e.Storage, store),
		Consequence: "a container starts without a copy of its image",
	}
	if e.Storage == "vfs" {
		c.Consequence, c.Remedy = "each container is a whole copy of its image: runs are slow and fill the disk", "use the storage driver overlay2"
	}
	return c
}

func (e Engine) disk() Capability {
	c := Capability{ID: "disk", Name: "free disk space", Has: is(e.Free >= lowSpace), Consequence: "runs have room for images and writes"}
	switch {
	case e.Free < 0:
		c.Has, c.Detail = Unknown, "the engine's disk is not this machine's"
		c.Consequence = "a full disk shows as a failed run"
		return c
	case e.Free < lowSpace:
		c.Consequence, c.Remedy = "runs may fail with a full disk", "free some space: podseal gc, docker system df"
	}
	c.Detail = fmt.Sprintf("%.1f GiB", float64(e.Free)/(1<<30))
	return c
}

func (e Engine) platforms() Capability {
	c := Capability{ID: "emulation", Name: "images for other platforms", Has: is(len(e.Emulated) > 0), Detail: "native: linux/" + e.Architecture}
	switch {
	case !e.Emulation:
		c.Has, c.Consequence = Unknown, "whether the engine's machine emulates other processors was not seen; a run says it"
	case len(e.Emulated) == 0:
		c.Consequence, c.Remedy = "only images for the native platform run", "install qemu-user-static with binfmt support on the engine's machine"
	default:
		c.Detail += "; emulated: " + strings.Join(e.Emulated, ", ")
		c.Consequence = "images for these platforms run slowly and untraced"
	}
	return c
}
