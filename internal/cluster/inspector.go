package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/tools/remotecommand"

	"github.com/podseal/podseal/internal/cluster/podtrace"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	program "github.com/podseal/podseal/internal/inside"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/shell"
	"github.com/podseal/podseal/internal/trace/procnet"
)

// inspector inspects a running container by podseal's program where the pod has it, and else by programs of the image. An image
// without a shell permits no inspection then.
type inspector struct {
	exec       func(ctx context.Context, container string, argv []string, streams remotecommand.StreamOptions) (int, error)
	hasProgram bool          // podseal's program is in the container
	observer   func() string // a container that may read everything in the target's; nil or "" where there is none

	mu      sync.Mutex
	noShell bool // the image has no shell
	last    snapshot
	at      time.Time
	listed  []observe.Change // of the last call of changes
	began   time.Time        // of the present start
	used    usage            // of all starts, until the last snapshot
}

// snapshot is what runs in a container at one moment.
type snapshot struct {
	processes []observe.Process
	listening []int
}

// snapshotTime is how long a snapshot counts as the present: readiness checks ask for it many times a second.
const snapshotTime = 400 * time.Millisecond

// The command of a snapshot, and what separates its parts.
const (
	snapshotMark   = program.Mark
	snapshotScript = "cat /proc/[0-9]*/status 2>/dev/null; echo '" + snapshotMark + "'; cat /proc/net/tcp /proc/net/tcp6 2>/dev/null; echo '" + snapshotMark + "'; " + usageScript
)

// snapshot returns what runs now, or ErrCannotInspect.
func (i *inspector) snapshot(ctx context.Context) (snapshot, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if time.Since(i.at) < snapshotTime {
		return i.last, nil
	}
	var out strings.Builder
	if err := i.ask(ctx, []string{program.Processes}, snapshotScript, &out); err != nil {
		return snapshot{}, err
	}
	parts := strings.SplitN(out.String(), snapshotMark+"\n", 3)
	if len(parts) != 3 {
		return snapshot{}, engine.ErrCannotInspect
	}
	i.last = snapshot{processes: parseProcesses(parts[0]), listening: procnet.ParseListening([]byte(parts[1]))}
	i.used = i.used.merge(parseUsage(parts[2], time.Since(i.began)))
	i.at = time.Now()
	return i.last, nil
}

// ask runs podseal's program with arguments of its command for inspections, or lines of sh that print the same. The lock
// is held.
func (i *inspector) ask(ctx context.Context, args []string, lines string, out io.Writer) error {
	if !i.hasProgram {
		return i.runShell(ctx, lines, out)
	}
	container := ""
	if i.observer != nil && args[0] == program.Files {
		if container = i.observer(); container != "" {
			args = []string{program.Files, "/proc/1/root"}
		}
	}
	return i.runProgram(ctx, container, append([]string{program.InspectCommand}, args...), out)
}

// runProgram runs podseal's program in a container.
func (i *inspector) runProgram(ctx context.Context, container string, args []string, out io.Writer) error {
	code, err := i.exec(ctx, container, append([]string{podtrace.Path}, args...), remotecommand.StreamOptions{Stdout: out, Stderr: io.Discard})
	if err == nil && code != 0 {
		return fmt.Errorf("inspecting the container: podseal's program exited %d", code)
	}
	return err
}

// runShell runs lines of sh in the target's container. The lock is held.
func (i *inspector) runShell(ctx context.Context, lines string, out io.Writer) error {
	if i.noShell {
		return engine.ErrCannotInspect
	}
	code, err := i.exec(ctx, "", []string{"sh", "-c", lines}, remotecommand.StreamOptions{Stdout: out, Stderr: io.Discard})
	if failed := new(execFailure); errors.As(err, &failed) || err == nil && code == commandNotFound {
		i.noShell = true
		return engine.ErrCannotInspect
	}
	return err
}

// The exit codes of a shell for commands that it cannot execute.
const (
	commandRefused  = 126
	commandNotFound = 127
)

// filesScript prints, for each file of the root filesystem, mode, owner, group, size, time and path; first the mounts.
const filesScript = "command -v find >/dev/null && command -v stat >/dev/null || exit 127; cat /proc/self/mounts; echo '" + snapshotMark + "'; cat /proc/self/status; echo '" + snapshotMark + "'; " +
	`find / -xdev \( -path /proc -o -path /sys -o -path /dev \) -prune -o -exec stat -c '%f %u %g %s %Y %n' {} + 2>/dev/null; exit 0`

// changes returns what differs between the container's root filesystem and its image, as docker diff does.
func (i *inspector) changes(ctx context.Context, baseline func(context.Context) ([]image.Entry, error)) ([]observe.Change, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	var out strings.Builder
	if err := i.ask(ctx, []string{program.Files, "/"}, filesScript, &out); err != nil {
		return nil, err
	}
	parts := strings.SplitN(out.String(), snapshotMark+"\n", 3)
	if len(parts) != 3 {
		return nil, engine.ErrCannotInspect
	}
	base, err := baseline(ctx)
	if err == nil {
		i.listed = differences(base, parseFiles(parts[2]), parseMounts(parts[0]), parseReader(parts[1]))
	}
	return i.listed, err
}

// hasListedFiles reports whether podseal's program has listed the files of the container.
func (i *inspector) hasListedFiles() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.hasProgram && i.listed != nil
}

// lastChanges returns the changes of the last call of changes.
func (i *inspector) lastChanges() []observe.Change {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.listed
}

// noteStart notes that the container has started.
func (i *inspector) noteStart() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.began = time.Now()
}

// peak returns what the container has used until the last snapshot.
func (i *inspector) peak() usage {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.used
}

// usage returns what a mount holds.
func (i *inspector) usage(ctx context.Context, at string) (observe.Usage, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	var out strings.Builder
	err := i.ask(ctx, []string{program.Sizes, at}, "command -v find >/dev/null && command -v stat >/dev/null || exit 127; find "+
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

// empty removes what mounts hold.
func (i *inspector) empty(ctx context.Context, mounts []string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, at := range mounts {
		if i.hasProgram {
			if err := i.runProgram(ctx, "", []string{program.EmptyCommand, path.Clean(at)}, io.Discard); err != nil {
				return err
			}
		} else if err := i.runShell(ctx, "cd "+shell.Quote(path.Clean(at))+" && rm -rf -- ./* ./.[!.]* ./..?*", io.Discard); err != nil {
			return err
		}
	}
	return nil
}
