package docker

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"

	"github.com/podseal/podseal/internal/observe"
)

// Processes returns the container's processes by the engine's ps; none where the container does not run.
func (b *Container) Processes(ctx context.Context) ([]observe.Process, error) {
	s, err := b.Status(ctx)
	if err != nil || !s.Running {
		return nil, err
	}
	top, err := b.conn.api.ContainerTop(ctx, b.ID, []string{"-eo", "pid,ppid,uid,gid,comm"})
	if err != nil { // an engine whose ps takes no such format
		if top, err = b.conn.api.ContainerTop(ctx, b.ID, nil); err != nil {
			return nil, b.failure(ctx, "listing the processes of", err)
		}
	}
	found, err := processes(top, s.PID)
	if err != nil {
		return nil, b.failure(ctx, "listing the processes of", err)
	}
	return found, nil
}

// processes reads a process table by its titles. The process with the container's own pid is the main one, else the first.
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
