package podrun

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// podVolume is a volume of a pod with what stands for it in the engine.
type podVolume struct {
	target.Volume
	made docker.Volume // without a name for a hostPath
}

// makeVolumes makes the volumes of the pod and fills them as a kubelet would. shared claims are writable for everyone.
func (s *sandbox) makeVolumes(ctx context.Context, t target.Target, facts image.Facts, shared bool, undo *cleanup) error {
	var fills []fill
	for _, v := range s.pod.Volumes {
		group, claim := s.group, v.Kind == target.Claim
		if v.Kind == target.Host {
			group = nil // a kubelet leaves the owners of host paths alone
		}
		v, err := s.e.volumes.hostPath(ctx, v, facts)
		if err != nil {
			return err
		}
		made := podVolume{Volume: v}
		made.made.Path = v.Path
		if v.Kind != target.Host {
			volume, err := s.e.client.CreateVolume(ctx, "pod")
			if err != nil {
				return err
			}
			undo.addVolume(s.e.client, volume.Name)
			made.made = volume
			filled := content(v, group, subPaths(t, v.Name))
			if claim && shared {
				filled[0].Mode |= 0o777
			}
			fills = append(fills, fill{volume: volume.Name, content: filled})
		}
		s.volumes[v.Name] = made
	}
	if err := s.e.volumes.fill(ctx, facts, fills); err != nil {
		return fmt.Errorf("filling the pod's volumes: %w", err)
	}
	return nil
}

// sharesClaims reports whether everyone may write to the claims of a pod. Storage decides who owns a claim's folder where the
// pod sets no fsGroup: provisioners of local folders let everyone write, file systems of block devices only root. An open run
// as another user than root gets the former, to show what the application does. A sealed run gets the latter, and needs an
// fsGroup.
func (s *sandbox) sharesClaims(t target.Target, facts image.Facts, p profile.Profile) bool {
	user, _, _ := strings.Cut(cmp.Or(t.User, facts.Config.Config.User), ":")
	return p.Open && s.group == nil && user != "" && user != "0" && user != "root"
}

// podMounts returns the mounts of all containers of a target's pod.
func podMounts(t target.Target) []target.VolumeMount {
	out := slices.Clone(t.Mounts)
	for _, m := range podMembers(t.Pod) {
		out = append(out, m.Target.Mounts...)
	}
	return out
}

// subPaths returns the sub-paths of a volume that containers mount.
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

// mount returns the engine's mount for one of the pod. A file of a volume is bound from where the engine keeps it: a volume
// of an engine is always a directory. parts are the sub-paths that the container mounts, by the path of the mount.
func (s *sandbox) mount(m target.VolumeMount, parts map[string]docker.Mount) (docker.Mount, error) {
	v, ok := s.volumes[m.Volume]
	if !ok {
		return docker.Mount{}, fmt.Errorf("mounting %s: the pod has no volume %s", m.Path, m.Volume)
	}
	var out docker.Mount
	switch {
	case v.Kind == target.Host:
		out = docker.Mount{Bind: true, Source: path.Join(v.made.Path, m.SubPath), Target: m.Path}
	case v.Kind == target.Files && m.SubPath != "":
		out = docker.Mount{Bind: true, Source: path.Join(v.made.Path, dataDirectory, m.SubPath), Target: m.Path}
	case m.SubPath != "":
		out = parts[m.Path]
	default:
		out = docker.Mount{Source: v.made.Name, Target: m.Path}
	}
	out.ReadOnly = m.ReadOnly || v.Kind == target.Files
	return out, nil
}

// fill is the content of a volume before anything is started.
type fill struct {
	volume  string
	content []entry // the first is the volume's root
}

type entry struct {
	tar.Header
	data []byte
}

// The directory and the link that a kubelet's atomic writer makes: the files of a volume are links into the directory.
const (
	dataDirectory = "..podseal"
	dataLink      = "..data"
)

// content returns what a kubelet puts into a volume, with the effect of fsGroup. Of the sub-paths that containers mount it
// makes those that no file has.
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
			dir := root
			dir.Name = path.Join(dataDirectory, part)
			out = append(out, dir)
		}
	}
	return out
}

// files returns the entries of a read-only volume.
func files(list []target.VolumeFile, group *int64) []entry {
	dir := entry{Header: tar.Header{Typeflag: tar.TypeDir, Name: dataDirectory, Mode: 0o755, Gid: gid(group)}}
	if group != nil {
		dir.Mode |= 0o2550
	}
	out := []entry{dir, link(dataLink, dataDirectory)}
	var links []string
	for _, f := range list {
		mode := f.Mode
		if group != nil {
			mode |= 0o440
		}
		for parent := path.Dir(f.Path); parent != "."; parent = path.Dir(parent) {
			sub := dir
			sub.Name = path.Join(dataDirectory, parent)
			out = append(out, sub)
		}
		out = append(out, entry{data: f.Content, Header: tar.Header{
			Typeflag: tar.TypeReg, Name: path.Join(dataDirectory, f.Path), Mode: mode, Gid: gid(group), Size: int64(len(f.Content)),
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

// fill writes the content into new volumes, through a container that is never started.
func (s *volumeStore) fill(ctx context.Context, facts image.Facts, fills []fill) error {
	if len(fills) == 0 {
		return nil
	}
	var names []string
	for _, f := range fills {
		names = append(names, f.volume)
	}
	return s.with(ctx, facts, volumes{names: names}, func(box *docker.Container) error { return put(ctx, box, fills) })
}

// put writes the content of volumes into a container that has them below preparedRoot, in that order.
func put(ctx context.Context, box *docker.Container, fills []fill) error {
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
	return box.Extract(ctx, &stream)
}

// hostPath returns the volume that a run gets for one of the pod. A host directory that is missing and that a kubelet or
// its runtime would create is replaced by an empty volume: the run leaves nothing on the host, even if it is killed. Another
// path that is missing is an error. Other kinds of volumes are returned as they are.
func (s *volumeStore) hostPath(ctx context.Context, v target.Volume, facts image.Facts) (target.Volume, error) {
	if v.Kind != target.Host {
		return v, nil
	}
	has, err := s.hasHostPath(ctx, v.Path, facts)
	switch {
	case err != nil:
		return v, fmt.Errorf("checking the host path %s of volume %s: %w", v.Path, v.Name, err)
	case has:
		return v, nil
	case !v.Creatable:
		return v, &engine.PodError{What: fmt.Sprintf("%s: volume %s mounts the host path %s, which does not exist on the engine's machine",
			v.Declared, v.Name, v.Path)}
	}
	v.Kind = target.Claim // an empty directory of root with mode 0755, as a kubelet creates it
	return v, nil
}

// hasHostPath reports whether the engine's machine has a path: the engine refuses a bind mount of a missing one.
func (s *volumeStore) hasHostPath(ctx context.Context, at string, facts image.Facts) (bool, error) {
	create := s.client.Create
	if helper, err := s.helper.Facts(ctx); err == nil {
		facts, create = helper, s.helper.Create
	}
	spec := docker.Unstarted(facts)
	spec.Mounts = []docker.Mount{{Bind: true, Source: at, Target: prepared(0)}}
	box, err := create(ctx, "hostpath", spec)
	if errdefs.IsInvalidArgument(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, box.Remove(ctx)
}
