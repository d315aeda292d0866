package doctor

import (
	"maps"
	"slices"
)

func (c Cluster) emptyDirMode() Capability {
	return c.tried(Capability{
		ID: "emptydir-mode", Name: "emptyDir.mode", Has: is(c.EmptyDirMode),
		Consequence: choose(c.EmptyDirMode, "an emptyDir can have another mode than 0777", "an emptyDir on disk has the mode 0777, without the sticky bit, as podseal's runs have it"),
	})
}

func (c Cluster) bindMountOptions() Capability {
	return c.tried(Capability{
		ID: "bind-mount-options", Name: "bindMountOptions", Has: is(c.BindMountOptions),
		Consequence: choose(c.BindMountOptions, "a mount can be noexec, nosuid and nodev", "mounts allow execution, as podseal's runs do"),
	})
}

func (c Cluster) imageVolumes() Capability {
	return Capability{
		ID: "image-volumes", Name: "image volumes", Has: is(c.ImageVolumes),
		Consequence: choose(c.ImageVolumes, "images without a shell can be seeded from an image volume (--seed-image, --kubernetes-version 1.36), where the nodes have containerd 2.1 or CRI-O 1.31",
			"images without a shell can be seeded by a seed image only"),
	}
}

func (c Cluster) claims() Capability {
	return Capability{
		ID: "claims", Name: "default StorageClass", Has: is(c.StorageClass != ""), Detail: c.StorageClass,
		Consequence: choose(c.StorageClass != "", "podseal verify --keep-claims creates claims", "podseal verify uses emptyDirs for claims; --keep-claims waits in vain without a class"),
	}
}

func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
