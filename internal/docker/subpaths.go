package docker

import (
	"archive/tar"
	"context"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/mount"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/target"
)

// makeParts makes what stands for the folders and files of the pod's volumes that the container mounts by themselves, by
// the path of the mount. A kubelet looks for each when it makes the container, so that an earlier one may have put it
// there; what is missing becomes a folder with the mode of the volume's root.
func (c *running) makeParts(ctx context.Context) (map[string]mount.Mount, error) {
	var mounts []target.VolumeMount
	var names []string
	for _, m := range c.target.Mounts {
		v := c.sandbox.volumes[m.Volume]
		if m.SubPath != "" && v.name != "" && v.Kind != target.Files {
			mounts, names = append(mounts, m), append(names, v.name)
		}
	}
	if len(mounts) == 0 {
		return nil, nil
	}
	files := make([]bool, len(mounts))
	err := c.e.withVolumes(ctx, c.facts, names, func(id string) error {
		for i, m := range mounts {
			var err error
			if files[i], err = c.findPart(ctx, id, i, m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	parts := map[string]mount.Mount{}
	for i, m := range mounts {
		if files[i] {
			parts[m.Path] = bind(path.Join(c.sandbox.volumes[m.Volume].at, m.SubPath), m.Path)
			continue
		}
		made, err := c.e.makeFolder(ctx, names[i], m.SubPath)
		if err != nil {
			return nil, err
		}
		c.madeVolume(made.Name)
		parts[m.Path] = volumeMount(made.Name, m.Path)
	}
	return parts, nil
}

// findPart looks for the part of a volume that a container has at prepared(i), and makes it where it is missing. It tells
// whether it is a file. A link is refused: followed by the engine, it would lead to the engine's own machine.
func (c *running) findPart(ctx context.Context, id string, i int, m target.VolumeMount) (file bool, err error) {
	root, err := c.e.cli.ContainerStatPath(ctx, id, prepared(i))
	if err != nil {
		return false, fmt.Errorf("looking at volume %s: %w", m.Volume, err)
	}
	content := make([]entry, 0, 1)
	at := ""
	for part := range strings.SplitSeq(m.SubPath, "/") {
		at = path.Join(at, part)
		if len(content) == 0 {
			found, err := c.e.cli.ContainerStatPath(ctx, id, path.Join(prepared(i), at))
			if err != nil && !errdefs.IsNotFound(err) {
				return false, fmt.Errorf("looking at %s of volume %s: %w", at, m.Volume, err)
			}
			if err == nil {
				if file = found.Mode.IsRegular(); !file && !found.Mode.IsDir() || file && at != m.SubPath {
					return false, c.badPart(m, at, found.Mode)
				}
				continue
			}
		}
		content = append(content, c.partFolder(at, root.Mode))
	}
	if len(content) == 0 {
		return file, nil
	}
	// The volumes before this one get nothing.
	if err := c.e.put(ctx, id, append(make([]fill, i), fill{content: content})); err != nil {
		return false, fmt.Errorf("making %s of volume %s: %w", m.SubPath, m.Volume, err)
	}
	return false, nil
}

// partFolder is a folder that a kubelet makes in a volume with a root of that mode.
func (c *running) partFolder(name string, root fs.FileMode) entry {
	out := entry{Header: tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: int64(root.Perm())}}
	if root&fs.ModeSticky != 0 {
		out.Mode |= 0o1000
	}
	if root&fs.ModeSetgid != 0 { // which hands the group on
		out.Mode |= 0o2000
		out.Gid = gid(c.fsGroup())
	}
	return out
}

func (c *running) badPart(m target.VolumeMount, at string, mode fs.FileMode) error {
	what := "is neither a file nor a folder"
	switch {
	case mode&fs.ModeSymlink != 0:
		what = "is a link, which podseal does not follow"
	case mode.IsRegular():
		what = "is a file"
	}
	return &engine.PodError{What: fmt.Sprintf("container %s cannot mount %s at %s: %s of volume %s %s", c.target.Name, m.SubPath, m.Path, at, m.Volume, what)}
}
