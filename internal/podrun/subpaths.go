package podrun

import (
	"archive/tar"
	"context"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/target"
)

// makeSubPaths makes what stands for the sub-paths of the pod's volumes that a container mounts, by the path of the mount.
// A kubelet looks for each when it makes the container, so that an earlier container may have made it; what is missing
// becomes a directory with the mode of the volume's root.
func (s *sandbox) makeSubPaths(ctx context.Context, t target.Target, facts image.Facts, undo *cleanup) (map[string]docker.Mount, error) {
	var mounts []target.VolumeMount
	var names []string
	for _, m := range t.Mounts {
		v := s.volumes[m.Volume]
		if m.SubPath != "" && v.made.Name != "" && v.Kind != target.Files {
			mounts, names = append(mounts, m), append(names, v.made.Name)
		}
	}
	if len(mounts) == 0 {
		return nil, nil
	}
	isFile := make([]bool, len(mounts))
	err := s.e.volumes.with(ctx, facts, volumes{names: names}, func(box *docker.Container) error {
		for i, m := range mounts {
			var err error
			if isFile[i], err = s.findSubPath(ctx, box, i, t.Name, m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	parts := map[string]docker.Mount{}
	for i, m := range mounts {
		at := path.Join(s.volumes[m.Volume].made.Path, m.SubPath)
		if isFile[i] {
			parts[m.Path] = docker.Mount{Bind: true, Source: at, Target: m.Path}
			continue
		}
		made, err := s.e.client.CreateBoundVolume(ctx, "folder", at)
		if err != nil {
			return nil, err
		}
		undo.addVolume(s.e.client, made.Name)
		parts[m.Path] = docker.Mount{Source: made.Name, Target: m.Path}
	}
	return parts, nil
}

// findSubPath finds the sub-path of a volume that a container has at prepared(i), and makes it where it is missing. It
// reports whether it is a file. A link is refused: followed by the engine, it would lead to the engine's own host.
func (s *sandbox) findSubPath(ctx context.Context, box *docker.Container, i int, container string, m target.VolumeMount) (isFile bool, err error) {
	root, _, err := box.Stat(ctx, prepared(i))
	if err != nil {
		return false, fmt.Errorf("inspecting volume %s: %w", m.Volume, err)
	}
	content := make([]entry, 0, 1)
	at := ""
	for part := range strings.SplitSeq(m.SubPath, "/") {
		at = path.Join(at, part)
		if len(content) == 0 {
			mode, ok, err := box.Stat(ctx, path.Join(prepared(i), at))
			if err != nil {
				return false, fmt.Errorf("inspecting %s of volume %s: %w", at, m.Volume, err)
			}
			if ok {
				if isFile = mode.IsRegular(); !isFile && !mode.IsDir() || isFile && at != m.SubPath {
					return false, subPathError(container, m, at, mode)
				}
				continue
			}
		}
		content = append(content, s.subPathDirectory(at, root))
	}
	if len(content) == 0 {
		return isFile, nil
	}
	// The volumes before this one get nothing.
	if err := put(ctx, box, append(make([]fill, i), fill{content: content})); err != nil {
		return false, fmt.Errorf("making %s of volume %s: %w", m.SubPath, m.Volume, err)
	}
	return false, nil
}

// subPathDirectory returns a directory that a kubelet makes in a volume with a root of that mode.
func (s *sandbox) subPathDirectory(name string, root fs.FileMode) entry {
	out := entry{Header: tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: int64(root.Perm())}}
	if root&fs.ModeSticky != 0 {
		out.Mode |= 0o1000
	}
	if root&fs.ModeSetgid != 0 { // new entries inherit the group
		out.Mode |= 0o2000
		out.Gid = gid(s.group)
	}
	return out
}

func subPathError(container string, m target.VolumeMount, at string, mode fs.FileMode) error {
	what := "is neither a file nor a directory"
	switch {
	case mode&fs.ModeSymlink != 0:
		what = "is a link, which podseal does not follow"
	case mode.IsRegular():
		what = "is a file"
	}
	return &engine.PodError{What: fmt.Sprintf("container %s cannot mount %s at %s: %s of volume %s %s", container, m.SubPath, m.Path, at, m.Volume, what)}
}
