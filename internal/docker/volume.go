package docker

import (
	"context"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/volume"
)

// volumeStore makes and removes volumes of an engine.
type volumeStore struct{ *conn }

// Volume is a volume of the engine.
type Volume struct {
	Name string
	Path string // where the engine's host keeps it
}

// CreateVolume creates a volume of this run. Its name ends in the purpose.
func (c volumeStore) CreateVolume(ctx context.Context, purpose string) (Volume, error) {
	return c.createVolume(ctx, purpose, nil)
}

// CreateBoundVolume creates a volume of this run that is a directory of the engine's host: the subPath of a volume mount.
// A bind by the local driver works on every engine; the API's own Subpath is younger than many of them.
func (c volumeStore) CreateBoundVolume(ctx context.Context, purpose, dir string) (Volume, error) {
	return c.createVolume(ctx, purpose, map[string]string{"type": "none", "o": "bind", "device": dir})
}

func (c volumeStore) createVolume(ctx context.Context, purpose string, opts map[string]string) (Volume, error) {
	name := c.Name(purpose)
	if err := ctx.Err(); err != nil {
		return Volume{}, c.failure(ctx, "creating", "volume "+name, err)
	}
	making, cancel := creationContext(ctx)
	defer cancel()
	v, err := c.api.VolumeCreate(making, volume.CreateOptions{Name: name, Driver: "local", DriverOpts: opts, Labels: c.labels()})
	if err != nil {
		return Volume{}, c.creationFailure(ctx, making, "volume "+name, err)
	}
	return Volume{Name: v.Name, Path: v.Mountpoint}, nil
}

// HasVolume reports whether the engine has a volume of that name.
func (c volumeStore) HasVolume(ctx context.Context, name string) (bool, error) {
	_, err := c.api.VolumeInspect(ctx, name)
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, c.failure(ctx, "inspecting", "volume "+name, err)
	}
	return true, nil
}

// busyPause is between two attempts to remove what another removal, or a dying container, still holds.
const busyPause = 50 * time.Millisecond

// RemoveVolume removes a volume. One that is gone is fine; one that a dying container holds is tried again for a while. It
// does not end with its context.
func (c volumeStore) RemoveVolume(ctx context.Context, name string) error {
	return c.removeBusy(ctx, "volume "+name, errdefs.IsConflict, func(ctx context.Context) error { return c.api.VolumeRemove(ctx, name, true) })
}

// removeBusy removes an object. One that is gone is fine; one that is busy is tried again for a while. It does not end with
// its context.
func (c *conn) removeBusy(ctx context.Context, object string, busy func(error) bool, remove func(context.Context) error) error {
	const tries = 40
	ctx, cancel, err := c.removalContext(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	for range tries {
		err = remove(ctx)
		if err == nil || errdefs.IsNotFound(err) {
			return nil
		}
		if !busy(err) || !pause(ctx, busyPause) {
			break
		}
	}
	return c.failure(ctx, "removing", object, err)
}

// pause waits. It reports whether the context still lasts.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
