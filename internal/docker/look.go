package docker

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/podseal/podseal/internal/observe"
)

// maxLogs bounds what is kept of a container's logs, maxOutput of a command's output.
const (
	maxLogs   = 512 << 10
	maxOutput = 64 << 10
)

// execPoll is between two looks at a command whose output has ended.
const execPoll = 20 * time.Millisecond

// Changes implements engine.Container.
func (c *running) Changes(ctx context.Context) ([]observe.Change, error) {
	if c.failure() != nil {
		return nil, nil // it never ran
	}
	diff, err := c.e.cli.ContainerDiff(ctx, c.id)
	if err != nil {
		return nil, fmt.Errorf("reading the container's changes: %w", err)
	}
	found, err := c.e.cli.ContainerInspect(ctx, c.id)
	if err != nil {
		return nil, fmt.Errorf("inspecting the container: %w", err)
	}
	made := mountedPaths(found)
	if found.Config != nil && found.Config.WorkingDir != "" {
		made = append(made, found.Config.WorkingDir)
	}
	return c.markFolders(ctx, withoutEngine(changes(diff), made))
}

// maxAsked bounds the added entries of which the engine is asked what they are.
const maxAsked = 200

// markFolders tells which added entries are folders, as far as it matters: those with something added below them, and
// those that stand by themselves, of which the engine has to be asked one by one.
func (c *running) markFolders(ctx context.Context, changes []observe.Change) ([]observe.Change, error) {
	added := map[string]bool{}
	parents := map[string]bool{}
	for _, ch := range changes {
		if ch.Kind == observe.Added {
			added[ch.Path] = true
			parents[path.Dir(ch.Path)] = true
		}
	}
	asked := 0
	for i, ch := range changes {
		if ch.Kind != observe.Added {
			continue
		}
		changes[i].Dir = parents[ch.Path]
		if changes[i].Dir || added[path.Dir(ch.Path)] || asked == maxAsked {
			continue
		}
		asked++
		found, err := c.e.cli.ContainerStatPath(ctx, c.id, ch.Path)
		if err != nil && !errdefs.IsNotFound(err) { // it may be gone by now
			return nil, fmt.Errorf("looking at %s in the container: %w", ch.Path, err)
		}
		changes[i].Dir = err == nil && found.Mode.IsDir()
	}
	return changes, nil
}

// Diff returns the changes of any container of the engine, sorted, without those that the engine made itself.
func (e *Engine) Diff(ctx context.Context, id string) ([]observe.Change, error) {
	return (&running{e: e, id: id, watcher: &observer{}}).Changes(ctx)
}

// changes puts the engine's answer, in the order of a hash table, into ours.
func changes(diff []container.FilesystemChange) []observe.Change {
	kinds := map[container.ChangeType]observe.ChangeKind{
		container.ChangeModify: observe.Modified, container.ChangeAdd: observe.Added, container.ChangeDelete: observe.Deleted,
	}
	out := make([]observe.Change, 0, len(diff))
	for _, d := range diff {
		if kind, ok := kinds[d.Kind]; ok {
			out = append(out, observe.Change{Kind: kind, Path: d.Path})
		}
	}
	slices.SortFunc(out, func(a, b observe.Change) int { return cmp.Compare(a.Path, b.Path) })
	return out
}

// Logs implements engine.Container.
func (c *running) Logs(ctx context.Context) (string, error) { return c.e.logs(ctx, c.id) }

func (e *Engine) logs(ctx context.Context, id string) (string, error) {
	body, err := e.cli.ContainerLogs(ctx, id, container.LogsOptions{ShowStdout: true, ShowStderr: true, Tail: "5000"})
	if err != nil {
		return "", fmt.Errorf("reading the container's logs: %w", err)
	}
	defer body.Close()
	kept := &tail{limit: maxLogs}
	if _, err := stdcopy.StdCopy(kept, kept, body); err != nil {
		return "", fmt.Errorf("reading the container's logs: %w", err)
	}
	return kept.String(), nil
}

// Exec implements engine.Container.
func (c *running) Exec(ctx context.Context, argv []string) (int, string, error) {
	fail := func(err error) (int, string, error) {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return 0, "", fmt.Errorf("running %s in the container: %w", strings.Join(argv, " "), err)
	}
	command := c.watched(argv)
	made, err := c.e.cli.ContainerExecCreate(ctx, c.id, container.ExecOptions{
		Cmd: command, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return fail(err)
	}
	c.others.own(made.ID)
	conn, err := c.e.cli.ContainerExecAttach(ctx, made.ID, container.ExecAttachOptions{})
	if err != nil {
		return fail(err)
	}
	defer conn.Close()
	if len(command) > len(argv) {
		admitting, done := context.WithCancel(ctx)
		defer done()
		go c.admit(admitting, made.ID)
	}
	stop := context.AfterFunc(ctx, conn.Close) // the stream itself does not end with the context
	defer stop()
	kept := &tail{limit: maxOutput}
	if _, err := stdcopy.StdCopy(kept, kept, conn.Reader); err != nil || ctx.Err() != nil {
		return fail(errors.Join(err, ctx.Err()))
	}
	for {
		found, err := c.e.cli.ContainerExecInspect(ctx, made.ID)
		if err != nil {
			return fail(err)
		}
		if !found.Running { // the stream may end a moment before
			return found.ExitCode, kept.String(), nil
		}
		if !pause(ctx, execPoll) {
			return fail(ctx.Err())
		}
	}
}

// Usage implements engine.Container.
func (c *running) Usage(ctx context.Context) ([]observe.Usage, error) {
	if use, ok := c.watchedUsage(ctx, c.profile.Mounts); ok {
		return use, nil
	}
	var out []observe.Usage
	for _, m := range c.mounts {
		// The dot makes the engine follow a mount path that is a symlink in the image.
		body, _, err := c.e.cli.CopyFromContainer(ctx, c.id, m.Path+"/.")
		if err != nil {
			return nil, fmt.Errorf("measuring %s: %w", m.Path, err)
		}
		u, err := usage(body)
		_ = body.Close()
		if err != nil {
			return nil, fmt.Errorf("measuring %s: %w", m.Path, err)
		}
		u.Path = m.Path
		out = append(out, u)
	}
	return out, nil
}

func usage(body io.Reader) (observe.Usage, error) {
	var u observe.Usage
	files := tar.NewReader(body)
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return u, nil
		}
		if err != nil {
			return u, err
		}
		if h.Typeflag == tar.TypeReg {
			u.Files++
			u.Bytes += h.Size
		}
	}
}

// tail keeps the last bytes that were written to it.
type tail struct {
	limit int
	buf   bytes.Buffer
}

func (t *tail) Write(p []byte) (int, error) {
	n, _ := t.buf.Write(p)
	if extra := t.buf.Len() - t.limit; extra > t.limit { // not at each write: moving the rest costs
		t.buf.Next(extra)
	}
	return n, nil
}

// String is the kept part, from the start of a line.
func (t *tail) String() string {
	b := t.buf.Bytes()
	if len(b) <= t.limit {
		return string(b)
	}
	b = b[len(b)-t.limit:]
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		b = b[i+1:]
	}
	return string(b)
}
