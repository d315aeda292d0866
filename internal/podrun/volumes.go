package podrun

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/tracehost"
)

// mounted is a mount of the profile with what stands for it in the engine.
type mounted struct {
	profile.Mount
	volume docker.Volume     // the emptyDir
	folder string            // the volume that is the seeded directory of the emptyDir, where the mount has an init container
	init   *docker.Container // the init container; nil where the mount has none
}

// source returns the volume that the application gets.
func (m mounted) source() string {
	if m.NeedsInit() {
		return m.folder
	}
	return m.volume.Name
}

// volumeStore makes the volumes of a run.
type volumeStore struct {
	client  *docker.Client
	helper  *tracehost.Helper
	checked atomic.Bool // the engine makes volumes with the owners and modes that are asked for
	images  imageVolumes
}

// emptyDirs makes a volume for each mount. Some have been made where there is an error.
func (s *volumeStore) emptyDirs(ctx context.Context, wanted []profile.Mount) ([]mounted, error) {
	var mounts []mounted
	for _, m := range wanted {
		v, err := s.client.CreateVolume(ctx, "emptydir")
		if err != nil {
			return mounts, err
		}
		mounts = append(mounts, mounted{Mount: m, volume: v})
	}
	return mounts, nil
}

// prepare gives the roots of the volumes the owner and mode that a kubelet gives an emptyDir. They are root's: an engine
// makes them so.
func (s *volumeStore) prepare(ctx context.Context, facts image.Facts, mounts []mounted, group *int64) error {
	if len(mounts) == 0 {
		return nil
	}
	wanted := make([]profile.Mount, len(mounts))
	names := make([]string, len(mounts))
	for i, m := range mounts {
		names[i], wanted[i] = m.volume.Name, m.Mount
	}
	plain := len(mounts) <= tracehost.WritableVolumes && arePlain(wanted, group)
	return s.with(ctx, facts, volumes{names: names, copies: plain}, func(box *docker.Container) error {
		if plain {
			if done, err := areWritable(ctx, box, len(mounts)); done || err != nil {
				return err
			}
		}
		return s.extractRoots(ctx, box, mounts, group)
	})
}

// plainMode is the mode of an emptyDir's root without anything else. The helper image has directories of this mode.
const plainMode = 0o777

// arePlain reports whether the roots of all mounts have plainMode and no group.
func arePlain(mounts []profile.Mount, group *int64) bool {
	return !slices.ContainsFunc(mounts, func(m profile.Mount) bool { return rootMode(m.Medium, group) != plainMode })
}

// areWritable reports whether the roots of a container's first volumes have plainMode: the engine has copied it from the
// directories of the helper image, at the creation of the container. It is much faster than a tar stream.
func areWritable(ctx context.Context, box *docker.Container, count int) (bool, error) {
	for i := range count {
		mode, ok, err := box.Stat(ctx, prepared(i))
		if err != nil {
			return false, fmt.Errorf("checking the modes of volumes: %w", err)
		}
		if !ok || mode != fs.ModeDir|plainMode {
			return false, nil
		}
	}
	return true, nil
}

// extractRoots sets the owners and modes of volumes by a tar stream. The roots are entries below the root of the stream,
// since an entry for that root itself is not applied.
func (s *volumeStore) extractRoots(ctx context.Context, box *docker.Container, mounts []mounted, group *int64) error {
	if err := box.Extract(ctx, bytes.NewReader(rootsTar(mounts, group))); err != nil {
		return fmt.Errorf("setting the modes of volumes: %w", err)
	}
	if s.checked.Load() {
		return nil // what an engine did once with owners and modes it does each time
	}
	body, err := box.Archive(ctx, preparedRoot)
	if err != nil {
		return fmt.Errorf("checking the modes of volumes: %w", err)
	}
	defer body.Close()
	err = checkRoots(body, mounts, group)
	s.checked.Store(err == nil)
	return err
}

// volumes are mounted below preparedRoot.
type volumes struct {
	names  []string
	copies bool // a new volume becomes a copy of what the image has in its place
}

// with calls do with a container that has volumes below preparedRoot. Nothing needs to run to fill them: a container that
// is never started takes a tar stream whose entries carry owners and modes.
func (s *volumeStore) with(ctx context.Context, facts image.Facts, v volumes, do func(*docker.Container) error) (err error) {
	create := s.client.Create
	if helper, err := s.helper.Facts(ctx); err == nil {
		facts, create = helper, s.helper.Create
	}
	spec := docker.Unstarted(facts)
	for i, name := range v.names {
		spec.Mounts = append(spec.Mounts, docker.Mount{Source: name, Target: prepared(i), Copy: v.copies})
	}
	box, err := create(ctx, "prepare", spec)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, box.Remove(ctx)) }()
	return do(box)
}

// preparedRoot holds the volumes while they are prepared. No other image than the helper has a directory of this name.
const preparedRoot = tracehost.VolumesRoot

func prepared(i int) string { return path.Join(preparedRoot, strconv.Itoa(i)) }

// rootMode returns the mode of an emptyDir's root. A disk emptyDir has no sticky bit, which some runtimes refuse in /tmp.
// One in memory is a tmpfs with the kernel's default. podseal keeps both on disk: an engine unmounts a tmpfs volume when no
// container runs, and the content of an emptyDir survives the container. An fsGroup owns the root and all that is made in it.
func rootMode(m profile.Medium, fsGroup *int64) int64 {
	mode := int64(plainMode)
	if m == profile.Memory {
		mode |= 0o1000
	}
	if fsGroup != nil {
		mode |= 0o2000
	}
	return mode
}

// gid returns the owning group of what is in a volume.
func gid(fsGroup *int64) int {
	if fsGroup == nil {
		return 0
	}
	return int(*fsGroup)
}

func rootsTar(mounts []mounted, group *int64) []byte {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for i, m := range mounts {
		// Writing directory headers to memory cannot fail.
		_ = w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: prepared(i)[1:] + "/", Mode: rootMode(m.Medium, group), Gid: gid(group)})
	}
	_ = w.Close()
	return buf.Bytes()
}

// checkRoots returns an error where the volumes have other owners or modes than they were given: an engine that ignores
// those of the tar stream would make every verdict wrong.
func checkRoots(body io.Reader, mounts []mounted, group *int64) error {
	files := tar.NewReader(body)
	right := 0
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("checking the modes of volumes: %w", err)
		}
		i, err := strconv.Atoi(path.Base(h.Name))
		if err != nil || i >= len(mounts) {
			continue
		}
		if want := rootMode(mounts[i].Medium, group); h.Mode&0o7777 != want || h.Uid != 0 || h.Gid != gid(group) {
			return fmt.Errorf("the engine made the volume of %s %o %d:%d instead of %o 0:%d: it cannot stand for a kubelet",
				mounts[i].Path, h.Mode&0o7777, h.Uid, h.Gid, want, gid(group))
		}
		right++
	}
	if right != len(mounts) {
		return fmt.Errorf("the engine shows %d of %d volumes: it cannot stand for a kubelet", right, len(mounts))
	}
	return nil
}
