package cluster

import (
	"slices"
	"strconv"
	"strings"

	"github.com/podseal/podseal/internal/observe"
)

// process is one process of a /proc/PID/status file.
type process struct {
	observe.Process
	parent int
}

// parseProcesses reads /proc/PID/status files, one after the other. Commands that were executed in the container, and what
// they started, are left out: the ancestor of such a process is not in the container, and has the number 0.
func parseProcesses(text string) []observe.Process {
	all := map[int]process{}
	var p process
	flush := func() {
		if p.PID > 0 {
			p.Main = p.PID == 1
			all[p.PID] = p
		}
		p = process{}
	}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		words := strings.Fields(value)
		switch key {
		case "Name":
			flush()
			p.Command = strings.TrimSpace(value)
		case "Pid":
			p.PID = int(number(words, 0))
		case "PPid":
			p.parent = int(number(words, 0))
		case "Uid":
			p.UID = number(words, 1)
		case "Gid":
			p.GID = number(words, 1)
		}
	}
	flush()
	var out []observe.Process
	for _, p := range all {
		if ofApplication(all, p) {
			out = append(out, p.Process)
		}
	}
	slices.SortFunc(out, func(a, b observe.Process) int { return a.PID - b.PID })
	return out
}

// ofApplication reports whether a process descends from the first one of the container.
func ofApplication(all map[int]process, p process) bool {
	for range len(all) {
		if p.PID == 1 {
			return true
		}
		parent, ok := all[p.parent]
		if !ok {
			return false
		}
		p = parent
	}
	return false
}

func number(words []string, i int) int64 {
	if i >= len(words) {
		return 0
	}
	n, _ := strconv.ParseInt(words[i], 10, 64)
	return n
}
