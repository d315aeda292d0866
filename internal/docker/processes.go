package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/trace"
)

// Processes implements engine.Container. The observer knows them best; where there is none the engine's ps tells.
func (c *running) Processes(ctx context.Context) ([]observe.Process, error) {
	if c.failure() != nil {
		return nil, nil
	}
	if s := c.session(); s != nil {
		seen, err := s.Processes(ctx)
		if err == nil || errors.Is(err, trace.ErrEnded) { // an ended container has no processes
			return seen, nil
		}
	}
	found, err := c.e.cli.ContainerInspect(ctx, c.id)
	if err != nil {
		return nil, fmt.Errorf("inspecting the container: %w", err)
	}
	if !found.State.Running {
		return nil, nil
	}
	top, err := c.e.cli.ContainerTop(ctx, c.id, []string{"-eo", "pid,ppid,uid,gid,comm"})
	if err != nil { // an engine whose ps takes no such format
		if top, err = c.e.cli.ContainerTop(ctx, c.id, nil); err != nil {
			return nil, c.unlessEnded(ctx, fmt.Errorf("listing the container's processes: %w", err))
		}
	}
	processes, err := processes(top, found.State.Pid)
	if err != nil {
		return nil, fmt.Errorf("listing the container's processes: %w", err)
	}
	return processes, nil
}

// unlessEnded returns the error of a request about a running container, or nil if the container has ended meanwhile.
func (c *running) unlessEnded(ctx context.Context, err error) error {
	if state, stateErr := c.State(ctx); stateErr == nil && !state.Running {
		return nil
	}
	return err
}

// processes reads a process table by its titles. The one with the container's own pid is marked as main, else the first.
func processes(top container.TopResponse, main int) ([]observe.Process, error) {
	column := map[string]int{}
	for i, title := range top.Titles {
		column[strings.ToUpper(title)] = i
	}
	if i, ok := column["CMD"]; ok {
		column["COMMAND"] = i
	}
	for _, need := range []string{"PID", "UID", "COMMAND"} {
		if _, ok := column[need]; !ok {
			return nil, fmt.Errorf("the engine's ps shows no %s: %v", need, top.Titles)
		}
	}
	var out []observe.Process
	for _, row := range top.Processes {
		p, err := process(row, column)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	for i := range out {
		out[i].Main = out[i].PID == main
	}
	if len(out) > 0 && !slices.ContainsFunc(out, func(p observe.Process) bool { return p.Main }) {
		out[0].Main = true
	}
	return out, nil
}

func process(row []string, column map[string]int) (observe.Process, error) {
	number := func(title string) (int64, error) {
		i, ok := column[title]
		if !ok {
			return 0, nil // the group is the one column that some lack
		}
		if i >= len(row) {
			return 0, fmt.Errorf("the engine's ps gives a short line: %q", row)
		}
		if row[i] == "root" {
			return 0, nil
		}
		n, err := strconv.ParseInt(row[i], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("the engine's ps gives no number as %s: %q", title, row[i])
		}
		return n, nil
	}
	var ids [3]int64
	for i, title := range []string{"PID", "UID", "GID"} {
		n, err := number(title)
		if err != nil {
			return observe.Process{}, err
		}
		ids[i] = n
	}
	if column["COMMAND"] >= len(row) {
		return observe.Process{}, fmt.Errorf("the engine's ps gives a short line: %q", row)
	}
	return observe.Process{PID: int(ids[0]), UID: ids[1], GID: ids[2], Command: row[column["COMMAND"]]}, nil
}
