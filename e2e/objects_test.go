//go:build engine

package e2e

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/moby/moby/client"
)

// The labels of every container, volume and network that podseal makes: the run, and the process that made it.
const (
	label    = "podseal"
	labelPID = "podseal.pid"
)

// processes are the podseal processes that the suite has started. They distinguish its objects from those of others that
// use the engine at the same time.
type processes struct {
	mu   sync.Mutex
	pids []string
}

func (p *processes) add(pid int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pids = append(p.pids, strconv.Itoa(pid))
}

// left describes what the suite's processes have left in the engine.
func (p *processes) left(ctx context.Context) ([]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return objects(ctx, p.pids...)
}

// objects describes the containers, volumes and networks that the given podseal processes have made, for a reader.
func objects(ctx context.Context, pids ...string) ([]string, error) {
	filters := client.Filters{}.Add("label", label)
	containers, err := shared.engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: filters})
	if err != nil {
		return nil, err
	}
	volumes, err := shared.engine.VolumeList(ctx, client.VolumeListOptions{Filters: filters})
	if err != nil {
		return nil, err
	}
	networks, err := shared.engine.NetworkList(ctx, client.NetworkListOptions{Filters: filters})
	if err != nil {
		return nil, err
	}
	var out []string
	add := func(labels map[string]string, description string) {
		if slices.Contains(pids, labels[labelPID]) {
			out = append(out, description)
		}
	}
	for _, c := range containers.Items {
		add(c.Labels, "container "+strings.Join(c.Names, ",")+" ("+c.Status+")")
	}
	for _, v := range volumes.Items {
		add(v.Labels, "volume "+v.Name)
	}
	for _, n := range networks.Items {
		add(n.Labels, "network "+n.Name)
	}
	return out, nil
}
