package cluster

import (
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/target"
)

// usage is what a container has used.
type usage struct {
	memory int64 // the peak, in bytes
	cpu    int64 // the mean of a start, in thousandths of a processor
}

// merge returns the larger of each number.
func (u usage) merge(o usage) usage { return usage{max(u.memory, o.memory), max(u.cpu, o.cpu)} }

// usageScript prints what the control group of the container says, for version 2 and version 1: the peak of its memory in
// bytes, and its processor time in microseconds or nanoseconds.
const usageScript = "cd /sys/fs/cgroup 2>/dev/null; " +
	"for f in memory.peak memory/memory.max_usage_in_bytes; do read n <$f && echo memory $n; done 2>/dev/null; " +
	"while read k n; do case $k in usage_usec) echo us $n;; esac; done <cpu.stat 2>/dev/null; " +
	"read n <cpuacct/cpuacct.usage 2>/dev/null && echo ns $n"

// parseUsage reads the output of usageScript, of a container that has run for a time.
func parseUsage(text string, ran time.Duration) usage {
	var u usage
	for line := range strings.Lines(text) {
		kind, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < 0 {
			continue
		}
		unit := time.Nanosecond
		switch kind {
		case "memory":
			u.memory = n
			continue
		case "us":
			unit = time.Microsecond
		}
		if ran > 0 && n < int64(time.Hour*24*365/unit) {
			u.cpu = int64(time.Duration(n) * unit * 1000 / ran)
		}
	}
	return u
}

// The bounds of requests. The upper ones leave a small node room for a pod.
const (
	leastMemory, mostMemory = 16 << 20, 1 << 30
	leastCPU, mostCPU       = 10, 500
)

// requests returns what a container requests that has used so much: a quarter more, within bounds; at most the limit of its
// memory, if it has one. It returns nil where the usage is not known.
func (u usage) requests(limit int64) corev1.ResourceList {
	out := corev1.ResourceList{}
	if u.memory > 0 {
		memory := min(max(u.memory+u.memory/4, leastMemory), mostMemory)
		if limit > 0 {
			memory = min(memory, limit)
		}
		out[corev1.ResourceMemory] = *resource.NewQuantity(memory, resource.BinarySI)
	}
	if u.cpu > 0 {
		out[corev1.ResourceCPU] = *resource.NewMilliQuantity(min(max(u.cpu+u.cpu/4, leastCPU), mostCPU), resource.DecimalSI)
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// usages are what the containers of earlier runs have used, by their targets.
type usages struct {
	mu  sync.Mutex
	all map[string]usage
}

// usageKey identifies a target of a run.
func usageKey(t target.Target, facts image.Facts) string {
	return facts.ID + " " + t.Alias + " " + t.Name
}

// add notes what a container of a target has used.
func (u *usages) add(t target.Target, facts image.Facts, more usage) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.all == nil {
		u.all = map[string]usage{}
	}
	key := usageKey(t, facts)
	u.all[key] = u.all[key].merge(more)
}

// requests returns what the next container of a target requests; nil for the first one.
func (u *usages) requests(t target.Target, facts image.Facts) corev1.ResourceList {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.all[usageKey(t, facts)].requests(t.Memory)
}
