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

// execs tells the commands that podseal executes in a container from those of others, of which the tracer sees nothing.
type execs struct {
	mu     sync.Mutex
	ours   map[string]bool // by exec id
	others []string        // commands, each once, in the order of their first start
	broken error           // why no more of them are known
}

// own marks a command as podseal's, before it is started.
func (x *execs) own(id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ours == nil {
		x.ours = map[string]bool{}
	}
	x.ours[id] = true
}

// listen follows the engine's events about the container of that name, which may not be there yet, until it is removed.
func (x *execs) listen(ctx context.Context, c *running, name string) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	seen, failed := c.e.cli.Events(ctx, events.ListOptions{Filters: filters.NewArgs(
		filters.Arg("type", string(events.ContainerEventType)), filters.Arg("container", name),
		filters.Arg("event", string(events.ActionExecStart)),
	)})
	c.made(func(context.Context) error { cancel(); return nil })
	go func() {
		for {
			select {
			case m := <-seen:
				x.started(m)
			case err := <-failed:
				if ctx.Err() == nil {
					x.lose(err)
				}
				return
			}
		}
	}()
}

func (x *execs) started(m events.Message) {
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
	if !x.ours[id] && !slices.Contains(x.others, command) && len(x.others) < maxUnseen {
		x.others = append(x.others, command)
	}
}

func (x *execs) lose(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.broken = err
}

// unseen are the commands of others. The note says why there may be more of them.
func (x *execs) unseen() (commands []string, note string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.broken != nil {
		note = "whether others executed commands in the container is not known: " + x.broken.Error()
	}
	return slices.Clone(x.others), note
}
