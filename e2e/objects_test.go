//go:build engine

package e2e

import (
	"context"
	"strings"

	"github.com/moby/moby/client"
)

// label is on every container, volume and network that podseal makes. Its value is the id of the run.
const label = "podseal"

// runs are the ids of runs.
type runs map[string]bool

// objectsBut describes the containers, volumes and networks of all runs but the given ones, for a reader.
func objectsBut(ctx context.Context, others runs) ([]string, error) {
	return objects(ctx, func(run string) bool { return !others[run] })
}

// runsNow returns the ids of the runs that have objects in the engine.
func runsNow(ctx context.Context) (runs, error) {
	out := runs{}
	_, err := objects(ctx, func(run string) bool { out[run] = true; return false })
	return out, err
}

// runOf returns the id of the run that made a container.
func runOf(ctx context.Context, container string) (string, error) {
	c, err := shared.engine.ContainerInspect(ctx, container, client.ContainerInspectOptions{})
	if err != nil {
		return "", err
	}
	return c.Container.Config.Labels[label], nil
}

// objects describes the containers, volumes and networks of the runs that count, for a reader.
func objects(ctx context.Context, counts func(run string) bool) ([]string, error) {
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
		if counts(labels[label]) {
			out = append(out, description)
		}
	}
	for _, c := range containers.Items {
		add(c.Labels, "container "+strings.Join(c.Names, ","))
	}
	for _, v := range volumes.Items {
		add(v.Labels, "volume "+v.Name)
	}
	for _, n := range networks.Items {
		add(n.Labels, "network "+n.Name)
	}
	return out, nil
}
