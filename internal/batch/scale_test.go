package batch

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/podseal/podseal/internal/cluster"
	"github.com/podseal/podseal/internal/cluster/clustertest"
	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/config"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/redact"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/seal"
)

// staticImages has an image of every name: a static program and its user.
type staticImages struct{}

func (staticImages) Image(_ context.Context, ref, _ string) (image.Facts, error) {
	c := &v1.ConfigFile{Config: v1.Config{Entrypoint: []string{"/app"}, User: "1000:1000"}}
	return image.Facts{Ref: ref, ID: "sha256:" + ref, Digest: ref + "@sha256:0", Config: c}, nil
}

func (staticImages) Tree(context.Context, image.Facts) (engine.TreeCloser, error) {
	return closedTree{image.NewMemTree([]image.Entry{{Path: "/app", Kind: image.File, Mode: 0o755}}, nil)}, nil
}

type closedTree struct{ *image.MemTree }

func (closedTree) Close(context.Context) error { return nil }

// manyTargets returns a podseal.yaml of this many targets, whose runs take at least the time of a soak.
func manyTargets(t *testing.T, n int, soak time.Duration) (*config.File, []Item) {
	t.Helper()
	text := strings.Builder{}
	fmt.Fprintf(&text, "version: 1\ndefaults: {ready: {log: ready}, soak: %s}\ntargets:\n", soak)
	for i := range n {
		fmt.Fprintf(&text, "- {name: app-%d, image: example.com/app-%d, commands: []}\n", i, i)
	}
	f, err := config.Parse("podseal.yaml", []byte(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	items, err := Load(t.Context(), f, nil, LoadOptions{Now: today})
	if err != nil {
		t.Fatal(err)
	}
	return f, items
}

// simulation is a run of many targets on a simulated cluster.
type simulation struct {
	targets int
	took    time.Duration     // of the simulated clock
	stats   clustertest.Stats // before the end of the run
	left    []string          // after it
	heap    uint64            // after it, with all results
	most    uint64            // of the heap, garbage included
}

// rate returns how many targets were sealed each second.
func (s simulation) rate() float64 { return float64(s.targets) / s.took.Seconds() }

// perTarget returns the mean of a number for one target.
func (s simulation) perTarget(n int) float64 { return float64(n) / float64(s.targets) }

func (s simulation) String() string {
	requests := 0
	for _, n := range s.stats.Requests {
		requests += n
	}
	return fmt.Sprintf("%.1f targets/s, at most %d pods, %.1f pods and %.1f requests a target, heap %d MiB, at most %d MiB",
		s.rate(), s.stats.Most, s.perTarget(s.stats.Pods), s.perTarget(requests), s.heap>>20, s.most>>20)
}

// heapNow returns the bytes of the heap that are in use, garbage included.
func heapNow() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// podsPerNode is how many pods of runs a simulated node takes.
const podsPerNode = 10

// simulate seals targets on a cluster of nodes, with as many runs in parallel as the nodes take. It keeps what podseal run
// keeps of each target until its end.
func simulate(t *testing.T, targets, nodes int, soak time.Duration) simulation {
	t.Helper()
	f, items := manyTargets(t, targets, soak)
	w, err := OpenAll(f, items)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	out := simulation{targets: targets}
	reports := make([][]report.Report, len(items))
	sim := clustertest.New(clustertest.Options{
		Nodes: nodes, Pods: podsPerNode, Logs: "ready\n", Start: drawn(startTimes), Restart: drawn(restartTimes), Stop: drawn(stopTimes),
	})
	parallel, ends := nodes*podsPerNode, 0
	began := time.Now()
	client, err := kube.Connect(sim)
	if err != nil {
		t.Fatal(err)
	}
	e := cluster.New(client, staticImages{}, cluster.Options{})
	if err := PreflightAll(t.Context(), e, items, parallel); err != nil {
		t.Fatal(err)
	}
	All(t.Context(), e, items, AllOptions{
		Parallel: parallel,
		Options:  func(int) Options { return Options{Seal: seal.Options{Minimize: seal.MinimizeFull, Parallel: 2}} },
		Finished: func(i int, f Finished) {
			if f.Err != nil {
				t.Errorf("target %s: %v", f.Item.Name, f.Err)
				return
			}
			if err := deliverTo(w, i, f); err != nil {
				t.Error(err)
			}
			reports[i] = f.Sealed[0].Reports(f.Item.Policy, &redact.Redactor{})
			if got := reports[i][0].Verdict; got != string(seal.Sealed) {
				t.Errorf("target %s is %s", f.Item.Name, got)
			}
			if ends++; ends%100 == 0 {
				out.most = max(out.most, heapNow())
			}
		},
	})
	out.took, out.stats = time.Since(began), sim.Stats()
	if err := e.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
	out.left = sim.Stats().Left
	runtime.GC()
	out.heap = heapNow()
	runtime.KeepAlive(reports)
	runtime.KeepAlive(w)
	return out
}

// drawn returns a function that draws from measured times, the same ones in each process.
func drawn(from []int) func() time.Duration {
	dice := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // times of a simulation
	return func() time.Duration { return time.Duration(from[dice.IntN(len(from))]) * time.Millisecond }
}

// The times of pods, in milliseconds: from 225 runs of 100 targets with -j 10 on a node of two busy processors (see
// TestTargetsOnCluster), in twentieths from the shortest to the longest.
var (
	startTimes   = []int{430, 630, 740, 800, 840, 880, 920, 950, 1010, 1070, 1140, 1190, 1240, 1350, 1420, 1500, 1610, 1720, 1870, 2250}
	restartTimes = []int{520, 610, 690, 730, 760, 780, 810, 830, 870, 920, 950, 1050, 1210, 1260, 1380, 1470, 1660, 2100, 2440, 2690}
	stopTimes    = []int{280, 410, 450, 530, 580, 630, 660, 720, 750, 790, 850, 920, 1000, 1130, 1220, 1360, 1440, 1690, 2000, 2410}
)

// TestThroughput: the number of targets that are sealed in a time grows with the nodes of the cluster, until the client's
// limit of requests to the API server. Nothing is left.
func TestThroughput(t *testing.T) {
	for _, soak := range []time.Duration{0, 30 * time.Second} {
		var rates []float64
		for _, nodes := range []int{1, 10, 50, 100} {
			synctest.Test(t, func(t *testing.T) {
				s := simulate(t, 50+nodes**manySize/100, nodes, soak)
				t.Logf("%d nodes, runs of %s and more: %s", nodes, soak, s)
				if len(s.left) > 0 || s.stats.Most > nodes*podsPerNode {
					t.Errorf("left %v, at most %d pods", s.left, s.stats.Most)
				}
				rates = append(rates, s.rate())
			})
		}
		if rates[1] < 5*rates[0] {
			t.Errorf("10 nodes seal %.1f targets/s, and 1 node %.1f", rates[1], rates[0])
		}
	}
}

// manySize is the number of targets of TestManyTargets.
var manySize = flag.Int("targets", 500, "seal this `NUMBER` of targets on the simulated cluster (make bench: 10,000)")

// The heap of a process that seals many targets on a cluster of 100 nodes: what it has for the runs that are under way, and
// for each target that has ended. 10,000 targets take less than 512 MiB.
const (
	heapOfRuns   = 192 << 20
	heapOfTarget = 32 << 10
)

// TestManyTargets: all targets are sealed, and their results are all that a process keeps of those that have ended.
func TestManyTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t, *manySize, 100, 0)
		t.Logf("%d targets: %s", s.targets, s)
		if limit := uint64(heapOfRuns + s.targets*heapOfTarget); s.most > limit || len(s.left) > 0 {
			t.Errorf("the heap had %d MiB, more than %d; left %v", s.most>>20, limit>>20, s.left)
		}
	})
}
