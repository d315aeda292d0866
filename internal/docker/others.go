package docker

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
)

// Bounds of the commands that are named, and of what is kept of each.
const (
	maxUnseen     = 20
	maxUnseenText = 200
)

// others tells what podseal does to a container from what others do: commands that are executed in it, of which the tracer
// sees nothing, and starts.
type others struct {
	mu       sync.Mutex
	ours     map[string]bool // by exec id
	commands []string        // commands, each once, in the order of their first start
	broken   error           // why no more of them are known
	starts   int             // of the container, by podseal, that are still to be told
}

// own marks a command as podseal's, before it is started.
func (x *others) own(id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ours == nil {
		x.ours = map[string]bool{}
	}
	x.ours[id] = true
}

// begin marks a start of the container as podseal's, before it is made; failed takes that back.
func (x *others) begin()  { x.mu.Lock(); x.starts++; x.mu.Unlock() }
func (x *others) failed() { x.mu.Lock(); x.starts--; x.mu.Unlock() }

// foreign tells whether the start that is told was none of podseal's.
func (x *others) foreign() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.starts > 0 {
		x.starts--
		return false
	}
	return true
}

// listen follows the engine's events about the container of that name, which may not be there yet, until it is removed.
// A container that something else has restarted, as an e2e command may, waits for an observer like any other.
func (x *others) listen(ctx context.Context, c *running, name string) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	seen, failed := c.e.cli.Events(ctx, events.ListOptions{Filters: filters.NewArgs(
		filters.Arg("type", string(events.ContainerEventType)), filters.Arg("container", name),
		filters.Arg("event", string(events.ActionExecStart)), filters.Arg("event", string(events.ActionStart)),
	)})
	c.made(func(context.Context) error { cancel(); return nil })
	go func() {
		for {
			select {
			case m := <-seen:
				if m.Action != events.ActionStart {
					x.started(m)
				} else if x.foreign() {
					go func() { _ = c.adopt(ctx, c.beginObserver(ctx)) }() // without one it runs unobserved
				}
			case err := <-failed:
				if ctx.Err() == nil {
					x.lose(err)
				}
				return
			}
		}
	}()
}

func (x *others) started(m events.Message) {
	id := m.Actor.Attributes["execID"]
	_, command, ok := strings.Cut(string(m.Action), ": ")
	if !ok {
		return
	}
	if len(command) > maxUnseenText {
		command = strings.ToValidUTF8(command[:maxUnseenText], "") + "..."
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.ours[id] && !slices.Contains(x.commands, command) && len(x.commands) < maxUnseen {
		x.commands = append(x.commands, command)
	}
}

func (x *others) lose(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.broken = err
}

// unseen are the commands of others. The note says why there may be more of them.
func (x *others) unseen() (commands []string, note string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.broken != nil {
		note = "whether others executed commands in the container is not known: " + x.broken.Error()
	}
	return slices.Clone(x.commands), note
}
