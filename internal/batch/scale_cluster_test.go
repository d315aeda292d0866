//go:build cluster

package batch

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/podseal/podseal/internal/cluster"
	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/cluster/kubetest"
	"github.com/podseal/podseal/internal/cluster/source"
	"github.com/podseal/podseal/internal/config"
	"github.com/podseal/podseal/internal/docker/dockertest"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/engine/enginetest"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/target"
)

var (
	realTargets  = flag.Int("cluster-targets", 4, "seal this `NUMBER` of targets on the cluster")
	realParallel = flag.Int("cluster-parallel", 4, "make this `NUMBER` of runs in parallel on the cluster")
)

// realApps are the applications of the targets, in turn: those with a shell, which permit a look inside, and without one.
var realApps = []struct {
	shell  bool
	script string
}{
	{false, "start listen 8080"},
	{true, "start listen 8080"},
	{true, "start write /var/cache/app/state\nstart listen 8080"},
	{false, "start write /tmp/state tolerated\nstart listen 8080"},
}

// archiveOfApps writes an image for each target into one file of docker save, and loads it into the cluster.
func archiveOfApps(t *testing.T, refs []string) string {
	t.Helper()
	program, err := dockertest.Compile(enginetest.Program)
	if err != nil {
		t.Fatal(err)
	}
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil {
		dockertest.Missing(t, "no static busybox at /bin/busybox (Debian package busybox-static)")
	}
	all := map[name.Reference]v1.Image{}
	dir := t.TempDir()
	for i, ref := range refs {
		app := realApps[i%len(realApps)]
		files := []dockertest.File{
			{Name: "app", Mode: 0o755, Data: program},
			{Name: "tmp/", Mode: 0o1777},
			{Name: "var/cache/app/", Mode: 0o755, UID: 1000, GID: 1000},
		}
		if app.shell {
			files = append(files, dockertest.File{Name: "bin/", Mode: 0o755}, dockertest.File{Name: "bin/busybox", Mode: 0o755, Data: busybox})
			for _, program := range []string{"sh", "cat", "find", "stat", "rm", "mkdir", "cp", "mv", "chmod"} {
				files = append(files, dockertest.File{Name: "bin/" + program, Link: "/bin/busybox"})
			}
		}
		one, err := dockertest.Image{Ref: ref, Architecture: runtime.GOARCH, Files: files, Change: func(c *v1.Config) {
			c.User, c.Env = "1000:1000", []string{"PATH=/bin", "SCRIPT=" + app.script}
			c.ExposedPorts = map[string]struct{}{"8080/tcp": {}}
		}}.Archive()
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, fmt.Sprintf("%d.tar", i))
		if err := os.WriteFile(file, one, 0o600); err != nil {
			t.Fatal(err)
		}
		img, err := tarball.ImageFromPath(file, nil)
		if err != nil {
			t.Fatal(err)
		}
		tag, err := name.NewTag(ref)
		if err != nil {
			t.Fatal(err)
		}
		all[tag] = img
	}
	file := filepath.Join(dir, "all.tar")
	if err := tarball.MultiRefWriteToFile(file, all); err != nil {
		t.Fatal(err)
	}
	archive, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := kubetest.Load(archive); err != nil {
		t.Fatal(err)
	}
	return file
}

// countingCalls counts the requests to an API server by method and resource.
type countingCalls struct {
	mu    sync.Mutex
	calls map[string]int
}

func (c *countingCalls) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		words := append(strings.Split(strings.TrimPrefix(r.URL.Path, "/api/v1/namespaces"), "/"), "", "", "", "")
		what := strings.Trim(r.Method+" "+words[2]+"/"+words[4], "/ ")
		c.mu.Lock()
		c.calls[what]++
		c.mu.Unlock()
		return next.RoundTrip(r)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// timedEngine notes how long the calls of an engine take.
type timedEngine struct {
	*cluster.Engine
	mu    sync.Mutex
	times map[string][]time.Duration
}

func (e *timedEngine) note(what string, began time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.times[what] = append(e.times[what], time.Since(began).Round(10*time.Millisecond))
}

func (e *timedEngine) Start(ctx context.Context, t target.Target, facts image.Facts, p profile.Profile) (engine.Container, error) {
	began := time.Now()
	c, err := e.Engine.Start(ctx, t, facts, p)
	if err != nil {
		return nil, err
	}
	e.note("start", began)
	return &timedContainer{Container: c, e: e, began: began}, nil
}

type timedContainer struct {
	engine.Container
	e     *timedEngine
	began time.Time
}

func (c *timedContainer) Restart(ctx context.Context, fresh ...string) error {
	defer c.e.note("restart", time.Now())
	return c.Container.Restart(ctx, fresh...)
}

func (c *timedContainer) Stop(ctx context.Context) (observe.Exit, error) {
	defer c.e.note("stop", time.Now())
	return c.Container.Stop(ctx)
}

func (c *timedContainer) Remove(ctx context.Context) error {
	defer c.e.note("run", c.began)
	return c.Container.Remove(ctx)
}

// TestTargetsOnCluster seals many targets in parallel on a real cluster, reports what it took, and requires that nothing is
// left of the run.
func TestTargetsOnCluster(t *testing.T) {
	client := kubetest.Connect(t, "")
	text, refs := "version: 1\ntargets:\n", []string{}
	for i := range *realTargets {
		refs = append(refs, fmt.Sprintf("podseal.test/scale-%d:%d", os.Getpid(), i))
		text += fmt.Sprintf("- {name: app-%d, image: %q, commands: ['bash -c \"exec 3<>/dev/tcp/$PODSEAL_HOST/$PODSEAL_PORT\"']}\n", i, refs[i])
	}
	f, err := config.Parse("podseal.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	items, err := Load(t.Context(), f, nil, LoadOptions{Now: today})
	if err != nil {
		t.Fatal(err)
	}
	images := source.Archives([]string{archiveOfApps(t, refs)})
	defer images.Close()
	program, err := dockertest.Compile(dockertest.Inside)
	if err != nil {
		t.Fatal(err)
	}
	counted := countingCalls{calls: map[string]int{}}
	client.Config.Wrap(counted.wrap)
	if client.API, err = kubernetes.NewForConfig(client.Config); err != nil {
		t.Fatal(err)
	}
	e := &timedEngine{Engine: cluster.New(client, images, cluster.Options{Program: func(string) ([]byte, error) { return program, nil }}), times: map[string][]time.Duration{}}
	verdicts := map[string]int{}
	began := time.Now()
	if err := PreflightAll(t.Context(), e, items, *realParallel); err != nil {
		t.Fatal(err)
	}
	All(t.Context(), e, items, AllOptions{
		Parallel: *realParallel,
		Options: func(int) Options {
			return Options{Seal: seal.Options{Minimize: seal.MinimizeFull, Parallel: runtime.NumCPU()}}
		},
		Finished: func(_ int, f Finished) {
			if f.Err != nil {
				t.Errorf("target %s: %v", f.Item.Name, f.Err)
				return
			}
			res := f.Sealed[0].Results[0]
			if verdicts[string(res.Verdict)]++; res.Verdict != seal.Sealed {
				t.Errorf("target %s is %s: %s", f.Item.Name, res.Verdict, res.Why)
			}
		},
	})
	wall := time.Since(began)
	if err := e.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
	var sum time.Duration
	for _, took := range e.times["run"] {
		sum += took
	}
	calls := 0
	for _, n := range counted.calls {
		calls += n
	}
	t.Logf("%d targets, %d runs at a time: %s, of %d runs together %s; %.1f calls a target: %v; %v",
		*realTargets, *realParallel, wall.Round(time.Second), len(e.times["run"]), sum.Round(time.Second),
		float64(calls)/float64(*realTargets), counted.calls, verdicts)
	for what, times := range e.times {
		slices.Sort(times)
		t.Logf("%s: %v", what, times)
	}
	requireNothingLeft(t, client, e.RunID())
}

// requireNothingLeft waits until the namespaces of a run are gone.
func requireNothingLeft(t *testing.T, client *kube.Client, run string) {
	t.Helper()
	began, left := time.Now(), 1
	for left > 0 && time.Since(began) < 2*time.Minute {
		time.Sleep(time.Second)
		list, err := client.API.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{LabelSelector: kube.LabelRun + "=" + run})
		if err != nil {
			t.Fatal(err)
		}
		left = len(list.Items)
	}
	if left > 0 {
		t.Errorf("%d namespaces of the run are left", left)
	}
	t.Logf("its namespaces are gone after %s", time.Since(began).Round(time.Second))
}
