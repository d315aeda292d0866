package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// podVolume is a volume of a pod with what stands for it in the engine.
type podVolume struct {
	target.Volume
	name string // of the engine's volume; empty for a hostPath
	at   string // where the engine keeps it
}

// makePodVolumes makes the volumes of the pod and fills them as a kubelet would.
func (c *running) makePodVolumes(ctx context.Context) error {
	s := c.sandbox
	group := c.fsGroup()
	var fills []fill
	for _, v := range s.pod.Volumes {
		made := podVolume{Volume: v, at: v.Path}
		if v.Kind != target.Host {
			engine, err := c.e.makeVolume(ctx, "pod", nil)
			if err != nil {
				return err
			}
			c.madeVolume(engine.Name)
			made.name, made.at = engine.Name, engine.Mountpoint
			fills = append(fills, fill{volume: engine.Name, content: content(v, group, subPaths(c.target, v.Name))})
		}
		s.volumes[v.Name] = made
	}
	if err := c.e.fill(ctx, c.facts, fills); err != nil {
		return fmt.Errorf("filling the pod's volumes: %w", err)
	}
	return nil
}

// podMounts are the mounts of all containers of a target's pod.
func podMounts(t target.Target) []target.VolumeMount {
	out := slices.Clone(t.Mounts)
	for _, m := range slices.Concat(t.Pod.Before, t.Pod.After) {
		out = append(out, m.Target.Mounts...)
	}
	return out
}

// subPaths are the parts of a volume that some container mounts by themselves.
func subPaths(t target.Target, volume string) []string {
	var out []string
	for _, m := range podMounts(t) {
		if m.Volume == volume && m.SubPath != "" {
			out = append(out, path.Clean(m.SubPath))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// mount is the engine's mount for a pod's one. A file of a volume is bound from where the engine keeps it: a volume of
// an engine is always a folder. The parts are those of the container, by the path of the mount.
func (s *sandbox) mount(m target.VolumeMount, parts map[string]mount.Mount) (mount.Mount, error) {
	v, ok := s.volumes[m.Volume]
	if !ok {
		return mount.Mount{}, fmt.Errorf("mounting %s: the pod has no volume %s", m.Path, m.Volume)
	}
	var out mount.Mount
	switch {
	case v.Kind == target.Host:
		out = bind(path.Join(v.at, m.SubPath), m.Path)
	case v.Kind == target.Files && m.SubPath != "":
		out = bind(path.Join(v.at, dataFolder, m.SubPath), m.Path)
	case m.SubPath != "":
		out = parts[m.Path]
	default:
		out = volumeMount(v.name, m.Path)
	}
	out.ReadOnly = m.ReadOnly || v.Kind == target.Files
	return out, nil
}

func bind(from, to string) mount.Mount {
	return mount.Mount{Type: mount.TypeBind, Source: from, Target: to}
}

// fill is what a volume holds before anything is started.
type fill struct {
	volume  string
	content []entry // the first is the volume's root
}

type entry struct {
	tar.Header
	data []byte
}

// The folder and the link that a kubelet's atomic writer makes: a volume's files are links into the folder.
const (
	dataFolder = "..podseal"
	dataLink   = "..data"
)

// content is what a kubelet puts into a volume, with the effect of fsGroup. Of the parts that are mounted by themselves
// it makes those that no file is at.
func content(v target.Volume, group *int64, parts []string) []entry {
	root := entry{Header: tar.Header{Typeflag: tar.TypeDir, Mode: 0o755}}
	switch v.Kind {
	case target.EmptyDir:
		root.Mode = rootMode(v.Medium, group)
	case target.Files:
		root.Mode = 0o777
	}
	if group != nil {
		root.Gid, root.Mode = gid(group), root.Mode|0o2770
	}
	if v.Kind != target.Files {
		return []entry{root}
	}
	out := append([]entry{root}, files(v.Files, group)...)
	for _, part := range parts {
		if !slices.ContainsFunc(v.Files, func(f target.VolumeFile) bool { return profile.Within(f.Path, part) }) {
			folder := root
			folder.Name = path.Join(dataFolder, part)
			out = append(out, folder)
		}
	}
	return out
}

// files are the entries of a read-only volume.
func files(list []target.VolumeFile, group *int64) []entry {
	folder := entry{Header: tar.Header{Typeflag: tar.TypeDir, Name: dataFolder, Mode: 0o755, Gid: gid(group)}}
	if group != nil {
		folder.Mode |= 0o2550
	}
	out := []entry{folder, link(dataLink, dataFolder)}
	var links []string
	for _, f := range list {
		mode := f.Mode
		if group != nil {
			mode |= 0o440
		}
		for dir := path.Dir(f.Path); dir != "."; dir = path.Dir(dir) {
			sub := folder
			sub.Name = path.Join(dataFolder, dir)
			out = append(out, sub)
		}
		out = append(out, entry{data: f.Content, Header: tar.Header{
			Typeflag: tar.TypeReg, Name: path.Join(dataFolder, f.Path), Mode: mode, Gid: gid(group), Size: int64(len(f.Content)),
		}})
		top, _, _ := strings.Cut(f.Path, "/")
		if !slices.Contains(links, top) {
			links = append(links, top)
			out = append(out, link(top, path.Join(dataLink, top)))
		}
	}
	return out
}

func link(name, to string) entry {
	return entry{Header: tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to, Mode: 0o777}}
}

// fill puts the content into new volumes, through a container that is never started.
func (e *Engine) fill(ctx context.Context, facts image.Facts, fills []fill) error {
	if len(fills) == 0 {
		return nil
	}
	var names []string
	for _, f := range fills {
		names = append(names, f.volume)
	}
	return e.withVolumes(ctx, facts, names, func(id string) error { return e.put(ctx, id, fills) })
}

// put writes the content of volumes into a container that has them below preparedRoot, in that order.
func (e *Engine) put(ctx context.Context, id string, fills []fill) error {
	var stream bytes.Buffer
	w := tar.NewWriter(&stream)
	for i, f := range fills {
		for _, h := range f.content {
			h.Name = path.Join(prepared(i)[1:], h.Name)
			if h.Typeflag == tar.TypeDir {
				h.Name += "/"
			}
			h.ModTime = time.Now()
			if err := w.WriteHeader(&h.Header); err != nil {
				return fmt.Errorf("writing %s: %w", h.Name, err)
			}
			if _, err := w.Write(h.data); err != nil {
				return fmt.Errorf("writing %s: %w", h.Name, err)
			}
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return e.cli.CopyToContainer(ctx, id, "/", &stream, container.CopyToContainerOptions{})
}
