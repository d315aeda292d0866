package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/pkg/stdcopy"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Container is a container of the engine.
type Container struct {
	conn *conn
	ID   string
	Name string // as the engine's messages should name it
}

// Container returns an existing container by its id or name. It asks the engine nothing.
func (c *Client) Container(id string) *Container { return &Container{conn: c.conn, ID: id, Name: id} }

// Create creates a container. Its name ends in the purpose, unless the spec has a name. The context ends only what
// follows: a creation is not cancelled at once.
func (c *Client) Create(ctx context.Context, purpose string, s Spec) (*Container, error) {
	if err := ctx.Err(); err != nil {
		return nil, c.failure(ctx, "creating", "the "+purpose+" container", err)
	}
	making, cancel := creationContext(ctx)
	defer cancel()
	name := s.Name
	if name == "" {
		name = c.Name(purpose)
	}
	var platform *ocispec.Platform
	if versions.GreaterThanOrEqualTo(c.api.ClientVersion(), "1.41") && s.Image.Platform != "" {
		// An image id may stand for several platforms. The variant is left out: engines disagree on its defaults, and
		// an id has one variant of an architecture.
		platform = &ocispec.Platform{OS: s.Image.Config.OS, Architecture: s.Image.Config.Architecture}
	}
	labels := c.labels()
	if s.Lease {
		labels[labelLease] = "true"
	}
	cfg, host := s.config(labels)
	made, err := c.api.ContainerCreate(making, cfg, host, s.networking(), platform, name)
	if err != nil {
		return nil, c.creationFailure(ctx, making, "container "+name, err)
	}
	box := &Container{conn: c.conn, ID: made.ID, Name: name}
	if ctx.Err() != nil {
		return nil, errors.Join(c.failure(ctx, "creating", box.object(), ctx.Err()), box.Remove(ctx))
	}
	return box, nil
}

// creationFailure names a creation that has failed. One that outlived the grace after its context is a frozen engine's.
func (c *conn) creationFailure(ctx, making context.Context, object string, err error) error {
	if making.Err() != nil {
		return c.failure(context.WithoutCancel(ctx), "creating", object, context.DeadlineExceeded)
	}
	return c.failure(ctx, "creating", object, err)
}

func (b *Container) object() string { return "container " + b.Name }

func (b *Container) failure(ctx context.Context, call string, err error) error {
	if err == nil {
		return nil
	}
	return b.conn.failure(ctx, call, b.object(), err)
}

// Start starts the container. A program that cannot be executed is an *ExecError.
func (b *Container) Start(ctx context.Context) error {
	err := b.conn.api.ContainerStart(ctx, b.ID, container.StartOptions{})
	if err == nil {
		return nil
	}
	if failed, ok := execError(err); ok {
		return failed
	}
	return b.failure(ctx, "starting", startError(err))
}

// Wait returns when the container does not run.
func (b *Container) Wait(ctx context.Context) error {
	ended, failed := b.conn.api.ContainerWait(ctx, b.ID, container.WaitConditionNotRunning)
	select {
	case <-ended:
		return b.failure(ctx, "waiting for", ctx.Err())
	case err := <-failed:
		return b.failure(ctx, "waiting for", err)
	}
}

// RunToEnd starts the container, waits for its end, and returns its exit code and the last part of its output.
func (b *Container) RunToEnd(ctx context.Context) (code int, output string, err error) {
	if err := b.Start(ctx); err != nil {
		if failed := new(ExecError); errors.As(err, &failed) {
			return failed.Code, failed.Text, nil
		}
		return 0, "", err
	}
	if err := b.Wait(ctx); err != nil {
		return 0, "", err
	}
	s, err := b.Status(ctx)
	if err != nil {
		return 0, "", err
	}
	logs, err := b.Logs(ctx)
	return s.ExitCode, logs, err
}

// Kill kills the container's first process. A container that does not run is fine.
func (b *Container) Kill(ctx context.Context) error {
	err := b.conn.api.ContainerKill(ctx, b.ID, "SIGKILL")
	if errdefs.IsConflict(err) {
		return nil
	}
	return b.failure(ctx, "killing", err)
}

// Stop sends the image's STOPSIGNAL, and SIGKILL after the grace period, which is rounded up to seconds.
func (b *Container) Stop(ctx context.Context, grace time.Duration) error {
	seconds := int(math.Ceil(grace.Seconds()))
	return b.failure(ctx, "stopping", b.conn.api.ContainerStop(ctx, b.ID, container.StopOptions{Timeout: &seconds}))
}

// Remove removes the container with its anonymous volumes. One that is gone, or about to be, is fine. It does not end
// with its context.
func (b *Container) Remove(ctx context.Context) error {
	ctx, cancel, err := b.conn.removalContext(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	for {
		err := b.conn.api.ContainerRemove(ctx, b.ID, container.RemoveOptions{Force: true, RemoveVolumes: true})
		if err == nil || errdefs.IsNotFound(err) {
			return nil
		}
		// Another removal of the same container runs: wait for it, since its volumes are busy until then.
		if !errdefs.IsConflict(err) || !pause(ctx, busyPause) {
			return b.failure(ctx, "removing", err)
		}
	}
}

// Status returns the state and the settings of the container.
func (b *Container) Status(ctx context.Context) (Status, error) {
	found, err := b.conn.api.ContainerInspect(ctx, b.ID)
	if err != nil {
		return Status{}, b.failure(ctx, "inspecting", err)
	}
	return statusOf(found), nil
}

// Stat returns the kind and the mode of what is at a path of the container. A symlink is not followed. ok is false where
// there is nothing.
func (b *Container) Stat(ctx context.Context, p string) (mode fs.FileMode, ok bool, err error) {
	found, err := b.conn.api.ContainerStatPath(ctx, b.ID, p)
	if errdefs.IsNotFound(err) {
		return 0, false, nil
	}
	return found.Mode, err == nil, b.failure(ctx, "inspecting "+p+" in", err)
}

// Archive returns the tar stream of a file or directory of the container, whose first entry is itself.
func (b *Container) Archive(ctx context.Context, p string) (io.ReadCloser, error) {
	body, _, err := b.conn.api.CopyFromContainer(ctx, b.ID, p)
	return body, b.failure(ctx, "reading "+p+" of", err)
}

// Extract writes a tar stream into the container, at its root. Entries keep their owners and modes.
func (b *Container) Extract(ctx context.Context, files io.Reader) error {
	err := b.conn.api.CopyToContainer(ctx, b.ID, "/", files, container.CopyToContainerOptions{})
	return b.failure(ctx, "writing files into", err)
}

// maxLogs bounds what Logs returns, maxOutput what Exec returns.
const (
	maxLogs   = 512 << 10
	maxOutput = 64 << 10
)

// Logs returns the last part of stdout and stderr.
func (b *Container) Logs(ctx context.Context) (string, error) {
	body, err := b.conn.api.ContainerLogs(ctx, b.ID, container.LogsOptions{ShowStdout: true, ShowStderr: true, Tail: "5000"})
	if err != nil {
		return "", b.failure(ctx, "reading the logs of", err)
	}
	defer body.Close()
	kept := &tail{limit: maxLogs}
	if _, err := stdcopy.StdCopy(kept, kept, body); err != nil {
		return "", b.failure(ctx, "reading the logs of", err)
	}
	return kept.String(), nil
}

// ImageOf returns the id of the image that an existing container was made from.
func (c *Client) ImageOf(ctx context.Context, id string) (string, error) {
	s, err := c.Container(id).Status(ctx)
	if errdefs.IsNotFound(err) {
		return "", fmt.Errorf("no container %s in the engine: docker ps -a shows what there is", id)
	}
	return s.ImageID, err
}

// Status is the state of a container at one moment, with what the engine has set up for it.
type Status struct {
	Running   bool
	PID       int // of its first process, on the engine's host
	ExitCode  int
	OOMKilled bool
	Error     string // of the runtime
	Health    string // "starting", "healthy" or "unhealthy"; "" where the image has no HEALTHCHECK

	ImageID     string
	WorkingDir  string
	Hostname    string // "" unless the engine made it of the container's id
	HostNetwork bool
	IP          string      // in its first network by name; "127.0.0.1" where it has none
	MountPoints []string    // of everything that the engine mounted
	Volumes     []string    // names of the mounted volumes, anonymous ones included
	TCP, UDP    map[int]int // published ports: container port to host port
}

// shortID is the length of the prefix of a container's id that engines use as its hostname.
const shortID = 12

func statusOf(found container.InspectResponse) Status {
	s := Status{IP: "127.0.0.1", TCP: map[int]int{}, UDP: map[int]int{}}
	if base := found.ContainerJSONBase; base != nil {
		s.ImageID = base.Image
		s.HostNetwork = base.HostConfig != nil && base.HostConfig.NetworkMode.IsHost()
		if st := base.State; st != nil {
			s.Running, s.PID, s.ExitCode, s.OOMKilled, s.Error = st.Running, st.Pid, st.ExitCode, st.OOMKilled, st.Error
			if h := st.Health; h != nil && h.Status != container.NoHealthcheck {
				s.Health = h.Status
			}
		}
	}
	if found.Config != nil {
		s.WorkingDir = found.Config.WorkingDir
		if base := found.ContainerJSONBase; base != nil && len(found.Config.Hostname) == shortID && strings.HasPrefix(base.ID, found.Config.Hostname) {
			s.Hostname = found.Config.Hostname
		}
	}
	for _, m := range found.Mounts {
		s.MountPoints = append(s.MountPoints, path.Clean(m.Destination))
		s.Volumes = append(s.Volumes, m.Name)
	}
	if found.NetworkSettings != nil {
		s.addNetwork(found.NetworkSettings)
	}
	return s
}

func (s *Status) addNetwork(n *container.NetworkSettings) {
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(n.Networks))) {
		if at := n.Networks[name]; at != nil && at.IPAddress != "" {
			s.IP = at.IPAddress
		}
	}
	for port, bindings := range n.Ports {
		for _, b := range bindings {
			at, err := strconv.Atoi(b.HostPort)
			switch {
			case err != nil:
			case port.Proto() == "tcp":
				s.TCP[port.Int()] = at
			case port.Proto() == "udp":
				s.UDP[port.Int()] = at
			}
		}
	}
}
