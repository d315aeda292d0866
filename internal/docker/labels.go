package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/volume"
)

// The labels of everything that podseal makes.
const (
	labelRun  = "podseal"      // the run's id
	labelPID  = "podseal.pid"  // the process that made it
	labelHost = "podseal.host" // the machine of that process
)

// removalTime bounds a removal, which goes on when the run's own context has ended.
const removalTime = 90 * time.Second

// creationTime bounds the making of one object, which is never cancelled half-way.
const creationTime = 2 * time.Minute

func (e *Engine) labels() map[string]string {
	host, _ := os.Hostname() // without it the object is simply never taken for one of a living run
	return map[string]string{labelRun: e.opts.RunID, labelPID: strconv.Itoa(os.Getpid()), labelHost: host}
}

// name makes a name that no other object of any run has.
func (e *Engine) name(what string) string {
	return fmt.Sprintf("podseal-%s-%d-%s", e.opts.RunID, e.seq.Add(1), what)
}

// whole is a context for making one object: not cancelled with ctx, so that the object's name comes back.
func whole(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), creationTime)
}

// Sweep removes everything that this run made and that is still there. It works with a context that has ended.
func (e *Engine) Sweep(ctx context.Context) error {
	e.lookout.close()
	all := func(map[string]string) bool { return true }
	_, _, err := e.sweep(ctx, filters.NewArgs(filters.Arg("label", labelRun+"="+e.opts.RunID)), all)
	if !e.builds.Load() {
		return err
	}
	_, imgErr := e.sweepImages(ctx, filters.NewArgs(filters.Arg("label", labelBuilt+"="+e.opts.RunID)), all)
	return errors.Join(err, imgErr)
}

// GC removes what any run left, images that it built included, except what belongs to a run that is still alive on this
// machine, and the helper images that nothing uses. It returns what it removed, one description each.
func (e *Engine) GC(ctx context.Context) ([]string, error) {
	removed, kept, err := e.sweep(ctx, filters.NewArgs(filters.Arg("label", labelRun)), abandoned)
	built, builtErr := e.sweepImages(ctx, filters.NewArgs(filters.Arg("label", labelBuilt)), abandoned)
	removed, err = append(removed, built...), errors.Join(err, builtErr)
	if kept > 0 { // a living run may be about to use its helper image again
		return removed, err
	}
	images, imgErr := e.removeHelpers(ctx)
	return append(removed, images...), errors.Join(err, imgErr)
}

// abandoned tells whether the process that made an object is gone, as far as that can be told from here.
func abandoned(labels map[string]string) bool {
	host, err := os.Hostname()
	pid, convErr := strconv.Atoi(labels[labelPID])
	if err != nil || convErr != nil || labels[labelHost] != host || pid <= 0 || pid == os.Getpid() {
		return true
	}
	return !lives(pid)
}

func (e *Engine) sweep(ctx context.Context, which filters.Args, want func(map[string]string) bool) (removed []string, kept int, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removalTime)
	defer cancel()
	var errs []error
	containers, err := e.cli.ContainerList(ctx, container.ListOptions{All: true, Filters: which})
	errs = append(errs, err)
	for _, c := range containers {
		if !want(c.Labels) {
			kept++
			continue
		}
		if err := e.removeContainer(ctx, c.ID); err != nil {
			errs = append(errs, err)
			continue
		}
		removed = append(removed, "container "+strings.TrimPrefix(strings.Join(c.Names, ","), "/"))
	}
	volumes, err := e.cli.VolumeList(ctx, volume.ListOptions{Filters: which})
	errs = append(errs, err)
	for _, v := range volumes.Volumes {
		if !want(v.Labels) {
			kept++
			continue
		}
		if err := e.removeVolume(ctx, v.Name); err != nil {
			errs = append(errs, err)
			continue
		}
		removed = append(removed, "volume "+v.Name)
	}
	return removed, kept, errors.Join(errs...)
}

// removeContainer removes a container with its anonymous volumes. One that is gone, or going, is fine.
func (e *Engine) removeContainer(ctx context.Context, id string) error {
	for {
		err := e.cli.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
		if err == nil || errdefs.IsNotFound(err) {
			return nil
		}
		// Another removal of the same container runs: wait for it, since its volumes are busy until then.
		if !errdefs.IsConflict(err) || !pause(ctx, 50*time.Millisecond) {
			return fmt.Errorf("removing container %s: %w", id, err)
		}
	}
}

// removeVolume removes a volume. One that is gone is fine; one that a dying container holds is tried again for a while.
func (e *Engine) removeVolume(ctx context.Context, name string) error {
	const tries = 40
	var err error
	for range tries {
		err = e.cli.VolumeRemove(ctx, name, true)
		if err == nil || errdefs.IsNotFound(err) {
			return nil
		}
		if !errdefs.IsConflict(err) || !pause(ctx, 50*time.Millisecond) {
			break
		}
	}
	return fmt.Errorf("removing volume %s: %w", name, err)
}

// removeHelpers removes the helper images that no container uses.
func (e *Engine) removeHelpers(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removalTime)
	defer cancel()
	images, err := e.cli.ImageList(ctx, image.ListOptions{Filters: filters.NewArgs(filters.Arg("reference", helperRepo))})
	if err != nil {
		return nil, fmt.Errorf("listing helper images: %w", err)
	}
	var removed []string
	for _, img := range images {
		for _, tag := range img.RepoTags {
			// An image in use is refused with a conflict, and stays for the run that uses it.
			_, err := e.cli.ImageRemove(ctx, tag, image.RemoveOptions{})
			switch {
			case err == nil:
				removed = append(removed, "image "+tag)
			case !errdefs.IsConflict(err) && !errdefs.IsNotFound(err):
				return removed, fmt.Errorf("removing image %s: %w", tag, err)
			}
		}
	}
	return removed, nil
}

// pause waits; it is false when the context ended before.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
