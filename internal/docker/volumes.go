package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/volume"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
)

// mounted is a mount of the profile with what stands for it in the engine.
type mounted struct {
	profile.Mount
	volume string // the emptyDir
	folder string // the volume that is the folder d of the emptyDir, where the mount has an init container
	init   string // the init container
}

// source is the volume that the application gets.
func (m mounted) source() string {
	if m.NeedsInit() {
		return m.folder
	}
	return m.volume
}

// volumeMount mounts a volume without Docker's own kindness of copying the image's content, owner and mode into it.
func volumeMount(name, target string) mount.Mount {
	return mount.Mount{
		Type: mount.TypeVolume, Source: name, Target: target, VolumeOptions: &mount.VolumeOptions{NoCopy: true},
	}
}

// rootMode is the mode of an emptyDir's root. A disk emptyDir has no sticky bit, which some runtimes refuse in /tmp.
// One in memory is a tmpfs with the kernel's default. podseal keeps both on disk: an engine unmounts a tmpfs volume
// when no container runs, and an emptyDir's content survives the container.
// An fsGroup makes it the group's, for all that is made in it, too.
func rootMode(m profile.Medium, fsGroup *int64) int64 {
	mode := int64(0o777)
	if m == profile.Memory {
		mode |= 0o1000
	}
	if fsGroup != nil {
		mode |= 0o2000
	}
	return mode
}

// gid is the owning group of what is in a volume.
func gid(fsGroup *int64) int {
	if fsGroup == nil {
		return 0
	}
	return int(*fsGroup)
}

func sameGroup(a, b *int64) bool { return (a == nil) == (b == nil) && gid(a) == gid(b) }

// makeVolume creates a volume of this run.
func (e *Engine) makeVolume(ctx context.Context, what string, opts map[string]string) (volume.Volume, error) {
	if err := ctx.Err(); err != nil {
		return volume.Volume{}, err
	}
	making, cancel := whole(ctx)
	defer cancel()
	v, err := e.cli.VolumeCreate(making, volume.CreateOptions{
		Name: e.name(what), Driver: "local", DriverOpts: opts, Labels: e.labels(),
	})
	if err != nil {
		return v, fmt.Errorf("creating a volume: %w", err)
	}
	return v, nil
}

// makeFolder creates the volume that is a folder of another one: the subPath of a volumeMount. A bind by the local
// driver does it on every engine; the API's own Subpath is younger than many of them.
func (e *Engine) makeFolder(ctx context.Context, of, folder string) (volume.Volume, error) {
	v, err := e.cli.VolumeInspect(ctx, of)
	if err != nil {
		return v, fmt.Errorf("inspecting volume %s: %w", of, err)
	}
	return e.makeVolume(ctx, "folder", map[string]string{
		"type": "none", "o": "bind", "device": path.Join(v.Mountpoint, folder),
	})
}

// prepare gives the volumes' roots the owner and mode that a kubelet gives an emptyDir. The folders are entries below
// the stream's root, since an entry for the root itself is not applied.
func (e *Engine) prepare(ctx context.Context, facts image.Facts, mounts []mounted, group *int64) error {
	if len(mounts) == 0 {
		return nil
	}
	names := make([]string, len(mounts))
	for i, m := range mounts {
		names[i] = m.volume
	}
	return e.withVolumes(ctx, facts, names, func(id string) error {
		if err := e.cli.CopyToContainer(ctx, id, "/", bytes.NewReader(rootsTar(mounts, group)), container.CopyToContainerOptions{}); err != nil {
			return fmt.Errorf("setting the modes of volumes: %w", err)
		}
		if e.rootsChecked.Load() {
			return nil // what an engine did once with owners and modes it does each time
		}
		body, _, err := e.cli.CopyFromContainer(ctx, id, preparedRoot)
		if err != nil {
			return fmt.Errorf("checking the modes of volumes: %w", err)
		}
		defer body.Close()
		err = checkRoots(body, mounts, group)
		e.rootsChecked.Store(err == nil)
		return err
	})
}

// withVolumes makes a container that has volumes below preparedRoot. Nothing needs to run to fill them: a container
// that is made and never started takes a tar stream whose entries carry owners and modes.
func (e *Engine) withVolumes(ctx context.Context, facts image.Facts, names []string, do func(id string) error) (err error) {
	if helper, err := e.helper(ctx); err == nil {
		facts = helper
	}
	cfg := &container.Config{
		Image: facts.ID, Labels: e.labels(), Entrypoint: []string{"/never-started"}, WorkingDir: "/",
	}
	host := &container.HostConfig{NetworkMode: "none"}
	for i, name := range names {
		host.Mounts = append(host.Mounts, volumeMount(name, prepared(i)))
	}
	id, err := e.create(ctx, "prepare", cfg, host, facts)
	if err != nil {
		return err
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), removalTime)
		defer cancel()
		err = errors.Join(err, e.removeContainer(end, id))
	}()
	return do(id)
}

// preparedRoot holds the volumes while they are prepared. No image has a folder of this name.
const preparedRoot = "/podseal-volumes"

func prepared(i int) string { return path.Join(preparedRoot, strconv.Itoa(i)) }

func rootsTar(mounts []mounted, group *int64) []byte {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for i, m := range mounts {
		// Writing folder headers to memory cannot fail.
		_ = w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: prepared(i)[1:] + "/", Mode: rootMode(m.Medium, group), Gid: gid(group)})
	}
	_ = w.Close()
	return buf.Bytes()
}

// checkRoots makes sure that the volumes became what they should: an engine that ignores the tar stream's modes would
// make every verdict wrong.
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
