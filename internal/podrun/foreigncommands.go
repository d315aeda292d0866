package podrun

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/trace"
)

// The bounds of the foreign commands that are named, and of the text of each.
const (
	maxCommands    = 20
	maxCommandText = 200
)

// foreignCommands distinguishes podseal's own commands in a container from those that others execute in it, which the
// tracer does not see.
type foreignCommands struct {
	mu       sync.Mutex
	ours     map[string]bool // by exec id
	commands []string        // of others, each once, in the order of their first start
	lost     error           // why later ones are not known
}

// own marks a command as podseal's, before it starts.
func (f *foreignCommands) own(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ours == nil {
		f.ours = map[string]bool{}
	}
	f.ours[id] = true
}

// follow reads the events of a container, which need not exist yet, until the context ends. started is called for each
// start of the container, podseal's own included.
func (f *foreignCommands) follow(ctx context.Context, client *docker.Client, name string, started func()) {
	client.Follow(ctx, name, func(e docker.Event) {
		if e.ExecID != "" {
			f.add(e)
		} else {
			go started()
		}
	}, f.noteLostEvents)
}

func (f *foreignCommands) add(e docker.Event) {
	command := e.Command
	if len(command) > maxCommandText {
		command = strings.ToValidUTF8(command[:maxCommandText], "") + "..."
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.ours[e.ExecID] && !slices.Contains(f.commands, command) && len(f.commands) < maxCommands {
		f.commands = append(f.commands, command)
	}
}

func (f *foreignCommands) noteLostEvents(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lost = err
}

// list returns the commands of others. The note says why there may be more of them.
func (f *foreignCommands) list() (commands []string, note string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lost != nil {
		note = "whether others executed commands in the container is not known: " + f.lost.Error()
	}
	return slices.Clone(f.commands), note
}

// follow follows the commands that others execute in the container of that name, and observes the container again when
// something else has started it again, as an e2e command may. unfollow ends that.
func (x *tracer) follow(ctx context.Context, client *docker.Client, name string) {
	if !x.traced() {
		return
	}
	ctx, x.unfollow = context.WithCancel(context.WithoutCancel(ctx))
	box, options := client.Container(name), x.options
	x.commands.follow(ctx, client, name, func() {
		x.observeAgain(ctx, options, func(ctx context.Context) (int, error) {
			s, err := box.Status(ctx)
			return s.PID, err
		})
	})
}

// observeAgain observes a container that has been started, unless the start is observed already: it is podseal's own, or
// a later one whose observer took this one's place. The container's first process decides, not the number of events: an
// engine may lose an event, or send it twice.
func (x *tracer) observeAgain(ctx context.Context, options trace.ObserverOptions, pid func(context.Context) (int, error)) {
	x.starting.Lock()
	defer x.starting.Unlock()
	if ctx.Err() != nil {
		return
	}
	number, err := pid(ctx)
	if err != nil || number == 0 || number == x.observed {
		return // the next start has its own event
	}
	next := x.observe(ctx, options)
	if next.err != nil {
		_ = x.unobserved(ctx, next.err) // it runs unobserved
		return
	}
	if number, err = pid(ctx); err != nil || number == 0 {
		_ = next.session.Close()
		return
	}
	x.starts.Add(next.session)
	x.starts.Announce() // the phase may have changed meanwhile
	x.serve(ctx, next.session, number)
}
