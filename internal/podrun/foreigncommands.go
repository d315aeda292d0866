package podrun

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/podseal/podseal/internal/docker"
)

// The bounds of the foreign commands that are named, and of the text of each.
const (
	maxCommands    = 20
	maxCommandText = 200
)

// foreignCommands distinguishes podseal's own starts in a container from those of others: commands that others execute in
// it, which the tracer does not see, and starts of the container.
type foreignCommands struct {
	mu       sync.Mutex
	ours     map[string]bool // by exec id
	commands []string        // of others, each once, in the order of their first start
	lost     error           // why later ones are not known
	expected int             // starts of the container by podseal whose events are still to come
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

// expectStart marks a start of the container as podseal's, before it is made; startFailed reverts that.
func (f *foreignCommands) expectStart() { f.mu.Lock(); f.expected++; f.mu.Unlock() }
func (f *foreignCommands) startFailed() { f.mu.Lock(); f.expected--; f.mu.Unlock() }

// isForeignStart reports whether a start of the container is not podseal's.
func (f *foreignCommands) isForeignStart() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.expected > 0 {
		f.expected--
		return false
	}
	return true
}

// follow reads the events of a container, which need not exist yet, until the context ends. restarted is called when
// something else has started the container again, as an e2e command may.
func (f *foreignCommands) follow(ctx context.Context, client *docker.Client, name string, restarted func()) {
	client.Follow(ctx, name, func(e docker.Event) {
		switch {
		case e.ExecID != "":
			f.add(e)
		case f.isForeignStart():
			go restarted()
		}
	}, f.lose)
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

func (f *foreignCommands) lose(err error) {
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
