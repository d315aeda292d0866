package e2e

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/moby/moby/client"
)

// label is on every container, volume and network that podseal makes; its value names the run.
const label = "podseal"

// objects lists podseal's containers, volumes and networks, described for a reader, with the run that made each.
func objects(ctx context.Context) (map[string]string, error) {
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
	out := map[string]string{}
	for _, c := range containers.Items {
		out["container "+c.ID[:12]+" of "+c.Image+" ("+c.Status+")"] = c.Labels[label]
	}
	for _, v := range volumes.Items {
		out["volume "+v.Name] = v.Labels[label]
	}
	for _, n := range networks.Items {
		out["network "+n.Name] = n.Labels[label]
	}
	return out, nil
}

// runs returns the names of the runs that have objects in the engine.
func runs(ctx context.Context) (map[string]bool, error) {
	all, err := objects(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, run := range all {
		out[run] = true
	}
	return out, nil
}

// awaitGone waits until all runs that are not in before have left the engine, and returns what is still there when the
// time is over.
func awaitGone(ctx context.Context, before map[string]string, limit time.Duration) ([]string, error) {
	known := map[string]bool{}
	for _, run := range before {
		known[run] = true
	}
	for deadline := time.Now().Add(limit); ; time.Sleep(200 * time.Millisecond) {
		now, err := objects(ctx)
		if err != nil {
			return nil, err
		}
		maps.DeleteFunc(now, func(_, run string) bool { return known[run] })
		if len(now) == 0 || time.Now().After(deadline) {
			return slices.Sorted(maps.Keys(now)), nil
		}
	}
}
