package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/tools/remotecommand"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/shell"
	"github.com/podseal/podseal/internal/trace/procnet"
)

// inside inspects a running container by programs of its image. An image without a shell permits no look inside.
type inside struct {
	exec func(ctx context.Context, container string, argv []string, streams remotecommand.StreamOptions) (int, error)

	mu    sync.Mutex
	blind bool // the image has no shell
	last  view
	at    time.Time
}

// view is what runs in a container at one moment.
type view struct {
	processes []observe.Process
	listening []int
}

// viewTime is how long a view counts as the present: readiness checks ask for it many times a second.
const viewTime = 400 * time.Millisecond

// The command of a view, and what separates its two parts.
const (
	viewMark   = "-- podseal --"
	viewScript = "cat /proc/[0-9]*/status 2>/dev/null; echo '" + viewMark + "'; cat /proc/net/tcp /proc/net/tcp6 2>/dev/null"
)

// view returns what runs now, or ErrCannotInspect.
func (i *inside) view(ctx context.Context) (view, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if time.Since(i.at) < viewTime {
		return i.last, nil
	}
	var out strings.Builder
	if err := i.script(ctx, viewScript, &out); err != nil {
		return view{}, err
	}
	status, sockets, ok := strings.Cut(out.String(), viewMark+"\n")
	if !ok {
		return view{}, engine.ErrCannotInspect
	}
	i.last = view{processes: parseProcesses(status), listening: procnet.ParseListening([]byte(sockets))}
	i.at = time.Now()
	return i.last, nil
}

// script runs lines of sh in the target's container. The lock is held.
func (i *inside) script(ctx context.Context, lines string, out io.Writer) error {
	if i.blind {
		return engine.ErrCannotInspect
	}
	code, err := i.exec(ctx, "", []string{"sh", "-c", lines}, remotecommand.StreamOptions{Stdout: out, Stderr: io.Discard})
	if failed := new(execFailure); errors.As(err, &failed) || err == nil && code == commandNotFound {
		i.blind = true
		return engine.ErrCannotInspect
	}
	return err
}

// The exit codes of a shell for commands that it cannot execute.
const (
	commandRefused  = 126
	commandNotFound = 127
)

// lookScript prints, for each file of the root filesystem, mode, owner, group, size, time and path; first the mounts.
const lookScript = "command -v find >/dev/null && command -v stat >/dev/null || exit 127; cat /proc/self/mounts; echo '" + viewMark + "'; " +
	`find / -xdev \( -path /proc -o -path /sys -o -path /dev \) -prune -o -exec stat -c '%f %u %g %s %Y %n' {} + 2>/dev/null; exit 0`

// changes returns what differs between the container's root filesystem and its image, as docker diff does.
func (i *inside) changes(ctx context.Context, base []image.Entry) ([]observe.Change, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	var out strings.Builder
	if err := i.script(ctx, lookScript, &out); err != nil {
		return nil, err
	}
	mounts, files, ok := strings.Cut(out.String(), viewMark+"\n")
	if !ok {
		return nil, engine.ErrCannotInspect
	}
	return differences(base, parseFiles(files), parseMounts(mounts)), nil
}

// usage returns what a mount holds.
func (i *inside) usage(ctx context.Context, at string) (observe.Usage, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	var out strings.Builder
	err := i.script(ctx, "command -v find >/dev/null && command -v stat >/dev/null || exit 127; find "+
		shell.Quote(at+"/.")+" -type f -exec stat -c '%s' {} + 2>/dev/null; exit 0", &out)
	u := observe.Usage{Path: at}
	for line := range strings.Lines(out.String()) {
		var size int64
		if _, scanErr := fmt.Sscan(line, &size); scanErr == nil {
			u.Files++
			u.Bytes += size
		}
	}
	return u, err
}

// empty removes what a mount holds.
func (i *inside) empty(ctx context.Context, at string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.script(ctx, "cd "+shell.Quote(path.Clean(at))+" && rm -rf -- ./* ./.[!.]* ./..?*", io.Discard)
}

// execFailure is a command that could not be executed in a container.
type execFailure struct {
	code int
	text string
}

// Error returns the runtime's message.
func (e *execFailure) Error() string { return e.text }

// The messages of runtimes about such commands: runc's and crun's.
var (
	notExecuted = regexp.MustCompile(`exec failed|executable file .*not found|no such file or directory|permission denied`)
	missing     = regexp.MustCompile(`not found|no such file or directory`)
)

// execTo runs a command in a container of the pod; an empty name means the target's.
func (c *running) execTo(ctx context.Context, container string, argv []string, streams remotecommand.StreamOptions) (int, error) {
	if container == "" {
		container = c.made.main
	}
	code, err := c.in.ExecTo(ctx, c.pod(), container, argv, streams)
	if err == nil || ctx.Err() != nil || c.ended() != nil {
		return code, err
	}
	if text := err.Error(); notExecuted.MatchString(text) {
		failed := &execFailure{code: commandRefused, text: text}
		if missing.MatchString(text) {
			failed.code = commandNotFound
		}
		return failed.code, failed
	}
	return code, err
}

// Exec implements engine.Container.
func (c *running) Exec(ctx context.Context, argv []string) (int, string, error) {
	return c.execIn(ctx, c.made.main, argv)
}

// ExecDefault implements engine.Container.
func (c *running) ExecDefault(ctx context.Context, argv []string) (int, string, error) {
	return c.execIn(ctx, c.defaultContainer(), argv)
}

func (c *running) execIn(ctx context.Context, container string, argv []string) (int, string, error) {
	if err := ctx.Err(); err != nil {
		return 0, "", fmt.Errorf("executing a command in pod %s: %w", c.pod(), context.Cause(ctx))
	}
	out := &lockedBuilder{}
	code, err := c.execTo(ctx, container, argv, remotecommand.StreamOptions{Stdout: out, Stderr: out})
	if failed := new(execFailure); errors.As(err, &failed) {
		return failed.code, failed.text, nil
	}
	return code, out.String(), err
}

// lockedBuilder is a strings.Builder for several goroutines.
type lockedBuilder struct {
	mu sync.Mutex
	b  strings.Builder
}

// Write implements io.Writer.
func (l *lockedBuilder) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuilder) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Processes implements engine.Container.
func (c *running) Processes(ctx context.Context) ([]observe.Process, error) {
	v, err := c.present(ctx)
	return v.processes, err
}

// Listening implements engine.Container. Where the image permits no look inside, it connects to the ports.
func (c *running) Listening(ctx context.Context) ([]int, error) {
	v, err := c.present(ctx)
	if !errors.Is(err, engine.ErrCannotInspect) || c.forward == nil {
		return v.listening, err
	}
	var out []int
	for _, p := range c.ports {
		if c.forward.Listens(p) {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out, nil
}

// present returns what runs in the container; nothing where it has exited.
func (c *running) present(ctx context.Context) (view, error) {
	if err := ctx.Err(); err != nil {
		return view{}, fmt.Errorf("inspecting pod %s: %w", c.pod(), context.Cause(ctx))
	}
	if c.ended() != nil {
		return view{}, nil
	}
	v, err := c.inside.view(ctx)
	if err != nil && ctx.Err() == nil && c.ended() != nil {
		return view{}, nil // it has ended meanwhile
	}
	return v, err
}

// Usage implements engine.Container.
func (c *running) Usage(ctx context.Context) ([]observe.Usage, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("inspecting pod %s: %w", c.pod(), context.Cause(ctx))
	}
	if c.ended() != nil {
		return nil, engine.ErrCannotInspect
	}
	var out []observe.Usage
	for _, m := range c.profile.Mounts {
		u, err := c.inside.usage(ctx, m.Path)
		if err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	return out, nil
}

// Changes implements engine.Container. The files of a container that has exited are gone.
func (c *running) Changes(ctx context.Context) ([]observe.Change, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("inspecting pod %s: %w", c.pod(), context.Cause(ctx))
	}
	if c.ended() != nil {
		return c.lastChanges(), nil
	}
	base, err := c.baseline(ctx)
	if err != nil {
		return nil, err
	}
	found, err := c.inside.changes(ctx, base)
	if errors.Is(err, engine.ErrCannotInspect) || err != nil && ctx.Err() == nil && c.ended() != nil {
		return c.lastChanges(), nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changed = found
	return found, err
}

// lastChanges returns the changes of the last look inside.
func (c *running) lastChanges() []observe.Change {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// maxFiles bounds the files of an image that are compared.
const maxFiles = 2_000_000

// baseline returns the files of the image.
func (c *running) baseline(ctx context.Context) (entries []image.Entry, err error) {
	tree, err := c.images.Tree(ctx, c.facts)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, tree.Close(context.WithoutCancel(ctx))) }()
	entries, _, err = tree.List(ctx, "/", maxFiles)
	return entries, err
}
