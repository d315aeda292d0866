package cluster

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"

	"github.com/podseal/podseal/internal/cluster/clustertest"
	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

var (
	simulatedTarget = target.Target{Image: "app", Alias: "app"}
	simulatedFacts  = image.Facts{Ref: "app", ID: "sha256:0", Config: &v1.ConfigFile{}}
)

// simulated returns an engine on a simulated cluster, whose pods take a second to start, restart and stop.
func simulated(t *testing.T, o clustertest.Options) (*Engine, *clustertest.Cluster) {
	t.Helper()
	second := func() time.Duration { return time.Second }
	o.Start, o.Restart, o.Stop = second, second, second
	c := clustertest.New(o)
	client, err := kube.Connect(c)
	if err != nil {
		t.Fatal(err)
	}
	e := New(client, nil, Options{})
	t.Cleanup(func() {
		if err := e.Sweep(context.Background()); err != nil {
			t.Error(err)
		}
		if left := c.Stats().Left; len(left) > 0 {
			t.Errorf("left in the cluster: %v", left)
		}
	})
	return e, c
}

// queued records what starts report of their waits.
type queued struct {
	mu     sync.Mutex
	why    []string
	leaves int
}

func (q *queued) context(ctx context.Context) context.Context {
	return engine.WithQueue(ctx, func(why string) func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.why = append(q.why, why)
		return func() {
			q.mu.Lock()
			defer q.mu.Unlock()
			q.leaves++
		}
	})
}

// TestFullNode: a pod waits for a node as long as another pod of the run has it, and says so.
func TestFullNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _ := simulated(t, clustertest.Options{Nodes: 1, Pods: 1})
		first, err := e.Start(t.Context(), simulatedTarget, simulatedFacts, profile.Unrestricted())
		if err != nil {
			t.Fatal(err)
		}
		const busy = time.Hour
		time.AfterFunc(busy, func() { _ = first.Remove(t.Context()) })
		var q queued
		began := time.Now()
		second, err := e.Start(q.context(t.Context()), simulatedTarget, simulatedFacts, profile.Profile{User: profile.User{UID: 1000}})
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < busy || took > busy+time.Minute {
			t.Errorf("it started after %s", took)
		}
		if len(q.why) != 1 || q.leaves != 1 || !strings.Contains(q.why[0], "Insufficient") {
			t.Errorf("it waited for %q, %d times until the end", q.why, q.leaves)
		}
		_ = second.Remove(t.Context())
		time.Sleep(time.Minute)
		if n := e.scheduled.Load(); n != 0 {
			t.Errorf("%d pods count as placed", n)
		}
	})
}

// TestNoNode: a pod that no node takes fails after a while, and an interrupted wait ends at once. Nothing is left.
func TestNoNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _ := simulated(t, clustertest.Options{})
		var q queued
		began := time.Now()
		_, err := e.Start(q.context(t.Context()), simulatedTarget, simulatedFacts, profile.Unrestricted())
		if err == nil || !strings.Contains(err.Error(), "no node of the cluster takes pod podseal-"+e.RunID()+"-1: Unschedulable: 0/0 nodes") || time.Since(began) < scheduleTime {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := e.Start(q.context(ctx), simulatedTarget, simulatedFacts, profile.Unrestricted()); err == nil {
			t.Error("a start after its context")
		}
		if q.leaves != 2 {
			t.Errorf("%d waits have ended", q.leaves)
		}
	})
}

// TestRequests: the pods of later runs request what the earlier ones have used, unless the namespace refuses that.
func TestRequests(t *testing.T) {
	for _, refused := range []string{"", "exceeded quota: small, requested: requests.memory=80Mi", "maximum memory usage per Container is 64Mi, but request is 80Mi"} {
		synctest.Test(t, func(t *testing.T) {
			var seen []string
			e, _ := simulated(t, clustertest.Options{Nodes: 1, Pods: 3, Refuse: func(pod *corev1.Pod) string {
				r := pod.Spec.Containers[0].Resources.Requests
				if len(r) == 0 {
					seen = append(seen, "none")
					return ""
				}
				seen = append(seen, r.Memory().String()+" "+r.Cpu().String())
				return refused
			}})
			start := func(u usage) {
				c, err := e.Start(t.Context(), simulatedTarget, simulatedFacts, profile.Unrestricted())
				if err != nil {
					t.Fatal(err)
				}
				c.(*running).inspector.used = u
				_ = c.Remove(t.Context())
			}
			for _, u := range []usage{{memory: 64 << 20, cpu: 40}, {memory: 10, cpu: 400}, {}} {
				start(u)
			}
			want := "none, 80Mi 50m, 80Mi 500m"
			if refused != "" {
				want = "none, 80Mi 50m, none, none"
			}
			if got := strings.Join(seen, ", "); got != want {
				t.Errorf("%q: the pods request %s, want %s", refused, got, want)
			}
		})
	}
}

// TestNoNodeForRequests: a pod that no node takes for its requests runs without them, as the first pod of its target did.
func TestNoNodeForRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, c := simulated(t, clustertest.Options{Nodes: 1, Pods: 3, Memory: 64 << 20})
		for range 3 {
			started, err := e.Start(t.Context(), simulatedTarget, simulatedFacts, profile.Unrestricted())
			if err != nil {
				t.Fatal(err)
			}
			started.(*running).inspector.used = usage{memory: 64 << 20}
			_ = started.Remove(t.Context())
			time.Sleep(time.Minute)
		}
		if n := c.Stats().Pods; n != 4 {
			t.Errorf("%d pods", n)
		}
		if n := e.scheduled.Load(); n != 0 {
			t.Errorf("%d pods count as placed", n)
		}
	})
}

// withQuota returns an engine for a simulated node of three pods, and a switch that makes the quota of its namespaces full.
func withQuota(t *testing.T) (e *Engine, full *atomic.Bool) {
	t.Helper()
	full = &atomic.Bool{}
	e, _ = simulated(t, clustertest.Options{Nodes: 1, Pods: 3, Refuse: func(*corev1.Pod) string {
		if full.Load() {
			return "exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1"
		}
		return ""
	}})
	return e, full
}

// TestFullQuota: a pod waits for a quota as long as another pod of the run has a node, and fails where none has.
func TestFullQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, full := withQuota(t)
		first, err := e.Start(t.Context(), simulatedTarget, simulatedFacts, profile.Unrestricted())
		if err != nil {
			t.Fatal(err)
		}
		full.Store(true)
		const busy = time.Hour
		time.AfterFunc(busy, func() {
			full.Store(false)
			_ = first.Remove(t.Context())
		})
		var q queued
		began := time.Now()
		second, err := e.Start(q.context(t.Context()), simulatedTarget, simulatedFacts, profile.Unrestricted())
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < busy || took > busy+time.Minute || len(q.why) != 1 || q.leaves != 1 {
			t.Errorf("it started after %s, and waited for %q", took, q.why)
		}
		_ = second.Remove(t.Context())
		full.Store(true)
		began = time.Now()
		_, err = e.Start(q.context(t.Context()), simulatedTarget, simulatedFacts, profile.Unrestricted())
		if err == nil || !strings.Contains(err.Error(), "exceeded quota: small") || time.Since(began) < quotaTime || q.leaves != 2 {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
}

// TestServices: a target reaches the services of its network by name. A service does not count among the pods that another
// one may wait for.
func TestServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hosts []corev1.HostAlias
		e, _ := simulated(t, clustertest.Options{Nodes: 1, Pods: 2, Refuse: func(pod *corev1.Pod) string {
			hosts = pod.Spec.HostAliases
			return ""
		}})
		network, err := e.Networks.CreateNetwork(t.Context(), "network")
		if err != nil {
			t.Fatal(err)
		}
		service, with, none := simulatedTarget, simulatedTarget, simulatedTarget
		service.Alias, service.Network = "db", network
		with.Network, with.Needs = network, []target.Service{{Name: "db"}}
		for _, one := range []struct {
			target    target.Target
			hosts     int
			scheduled int64
		}{{service, 0, 0}, {with, 1, 1}} {
			c, err := e.Start(t.Context(), one.target, simulatedFacts, profile.Unrestricted())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Remove(t.Context()) }()
			if len(hosts) != one.hosts || e.scheduled.Load() != one.scheduled {
				t.Errorf("%s: hosts %v, %d scheduled", one.target.Alias, hosts, e.scheduled.Load())
			}
		}
		found, _ := e.Networks.NetworkAddresses(t.Context(), network)
		if hosts[0].Hostnames[0] != "db" || hosts[0].IP != found["db"][0].String() {
			t.Errorf("the target has the hosts %v, the network %v", hosts, found)
		}
		_ = e.Networks.RemoveNetwork(t.Context(), network)
		if got := e.Networks.Hosts(none.Network); len(got) > 0 {
			t.Errorf("a target without a network has the hosts %v", got)
		}
	})
}

// TestFullQuotaAtRestart: the pod that replaces the one of an init container does not wait for that one.
func TestFullQuotaAtRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, full := withQuota(t)
		before := simulatedTarget
		before.Name, before.Pod = "first", &target.Pod{Kind: target.Init}
		c, err := e.Start(t.Context(), before, simulatedFacts, profile.Unrestricted())
		if err != nil {
			t.Fatal(err)
		}
		full.Store(true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		began := time.Now()
		if err := c.Restart(ctx); err == nil || time.Since(began) > 2*quotaTime {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		_ = c.Remove(t.Context())
		if n := e.scheduled.Load(); n != 0 {
			t.Errorf("%d pods count as placed", n)
		}
	})
}

// canceling is a cluster that a run is canceled on when it asks for a certain thing.
type canceling struct {
	*clustertest.Cluster
	at     string // of a path
	cancel context.CancelFunc
}

func (c canceling) ToRESTConfig() (*rest.Config, error) {
	config, err := c.Cluster.ToRESTConfig()
	config.Transport = c
	return config, err
}

func (c canceling) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.Path, c.at) {
		c.cancel()
	}
	return c.Cluster.RoundTrip(r)
}

// TestCanceledFirst: what all pods share is made once, also when the run that needs it first is canceled.
func TestCanceledFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		second := func() time.Duration { return time.Second }
		ctx, cancel := context.WithCancel(t.Context())
		c := canceling{clustertest.New(clustertest.Options{Nodes: 1, Pods: 3, Start: second, Restart: second, Stop: second}), "/serviceaccounts", cancel}
		client, err := kube.Connect(c)
		if err != nil {
			t.Fatal(err)
		}
		e := New(client, nil, Options{})
		if _, err := e.Start(ctx, simulatedTarget, simulatedFacts, profile.Unrestricted()); !errors.Is(err, context.Canceled) {
			t.Errorf("a start of a canceled run: %v", err)
		}
		started, err := e.Start(t.Context(), simulatedTarget, simulatedFacts, profile.Unrestricted())
		if err != nil {
			t.Fatal(err)
		}
		if n := c.Stats().Requests["create namespaces"]; n != 1 {
			t.Errorf("the namespace was made %d times", n)
		}
		_ = started.Remove(t.Context())
		if err := e.Sweep(t.Context()); err != nil || len(c.Stats().Left) > 0 {
			t.Errorf("left: %v, %v", c.Stats().Left, err)
		}
	})
}

func TestParseUsage(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]usage{
		"memory 1000\nus 500000\n": {1000, 50},
		"memory 1000\nns 500000\n": {1000, 0},
		"ns 5000000000\n":          {0, 500},
		"memory max\nus -1\nx\n":   {},
		"":                         {},
		"us 9223372036854775807\n": {},
	} {
		if got := parseUsage(text, 10*time.Second); got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
	if got := parseUsage("us 5", 0); got != (usage{}) {
		t.Errorf("without a time: %+v", got)
	}
}

func TestUsageRequests(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		u     usage
		limit int64
		want  string
	}{
		{usage{}, 0, ""},
		{usage{memory: 100 << 20, cpu: 100}, 0, "cpu 125m memory 125Mi"},
		{usage{memory: 1, cpu: 1}, 0, "cpu 10m memory 16Mi"},
		{usage{memory: 5 << 30, cpu: 9000}, 0, "cpu 500m memory 1Gi"},
		{usage{memory: 100 << 20}, 110 << 20, "memory 110Mi"},
	} {
		got := ""
		r := tt.u.requests(tt.limit)
		if q, ok := r[corev1.ResourceCPU]; ok {
			got = "cpu " + q.String() + " "
		}
		if q, ok := r[corev1.ResourceMemory]; ok {
			got += "memory " + q.String()
		}
		if got != tt.want {
			t.Errorf("%+v with limit %d: %s, want %s", tt.u, tt.limit, got, tt.want)
		}
	}
}
