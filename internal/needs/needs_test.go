package needs

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/engine/enginetest"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// fakeNetworks counts networks. It has addresses for a limited number of them, if limit is not 0.
type fakeNetworks struct {
	mu     sync.Mutex
	made   int
	alive  map[string]bool
	limit  int
	broken error // of RemoveNetwork

	addresses map[string][]netip.Addr
}

func (f *fakeNetworks) CreateNetwork(ctx context.Context, purpose string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if f.limit > 0 && len(f.alive) >= f.limit {
		return "", fmt.Errorf("creating network: %w", engine.ErrNoNetwork)
	}
	f.made++
	name := fmt.Sprintf("%s-%d", purpose, f.made)
	f.alive[name] = true
	return name, nil
}

func (f *fakeNetworks) RemoveNetwork(_ context.Context, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken == nil {
		delete(f.alive, name)
	}
	return f.broken
}

func (f *fakeNetworks) NetworkAddresses(context.Context, string) (map[string][]netip.Addr, error) {
	return f.addresses, nil
}

// router is an engine that runs each image on another fake engine, and notes the starts.
type router struct {
	engine.Engine // for every image that is not in apps
	apps          map[string]*enginetest.Engine

	mu     sync.Mutex
	starts []string // NAME@NETWORK as ALIAS
}

func (r *router) Start(ctx context.Context, t target.Target, facts image.Facts, p profile.Profile) (engine.Container, error) {
	r.mu.Lock()
	r.starts = append(r.starts, fmt.Sprintf("%s@%s as %s", t.Image, t.Network, t.Alias))
	inner := r.Engine
	if app, ok := r.apps[t.Image]; ok {
		inner = app
	}
	r.mu.Unlock()
	return inner.Start(ctx, t, facts, p)
}

// alive returns the containers and trees that are left.
func (r *router) alive() (n int) {
	for _, app := range r.apps {
		n += app.Alive()
	}
	return n
}

func fake(t *testing.T, script string) *enginetest.Engine {
	t.Helper()
	e, _, err := enginetest.Parse(txtar.Parse([]byte("-- app --\n" + script + "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// newRouter returns an engine with the applications of scripts, by image; "app" is the target.
func newRouter(t *testing.T, scripts map[string]string) *router {
	t.Helper()
	r := &router{apps: map[string]*enginetest.Engine{}}
	for name, script := range scripts {
		r.apps[name] = fake(t, script)
	}
	r.Engine = r.apps["app"]
	return r
}

func newNetworks() *fakeNetworks { return &fakeNetworks{alive: map[string]bool{}} }

func need(name string, needs ...target.Service) target.Service {
	return target.Service{Name: name, Target: target.Target{Image: name, Ready: target.Ready{Log: "ready"}, Needs: needs}}
}

// needy adds a service to each target.
type needy struct {
	*Engine
	service target.Service
}

func (e needy) Start(ctx context.Context, t target.Target, facts image.Facts, p profile.Profile) (engine.Container, error) {
	t.Needs = []target.Service{e.service}
	return e.Engine.Start(ctx, t, facts, p)
}

// TestConformance: a target with a service is still a container by the engine's contract.
func TestConformance(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, c enginetest.Case) (engine.Engine, string) {
		app, err := enginetest.New(c)
		if err != nil {
			t.Fatal(err)
		}
		app.Traced = true
		db := fake(t, "start log : ready")
		networks := newNetworks()
		t.Cleanup(func() {
			if app.Alive()+db.Alive()+len(networks.alive) != 0 {
				t.Errorf("%d, %d containers and networks %v are left", app.Alive(), db.Alive(), networks.alive)
			}
		})
		return needy{New(&router{Engine: app, apps: map[string]*enginetest.Engine{"db": db}}, networks), need("db")}, c.Facts.Ref
	})
}

// TestStart: services start on the network before the target, each after those that it needs, once by its name.
func TestStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRouter(t, map[string]string{
			"app": "start log : ready", "db": "start after 3s log : ready", "cache": "start log : ready", "migrate": "start exit 0",
		})
		networks := newNetworks()
		e := New(r, networks)
		db := need("db")
		migrate := need("migrate", db)
		migrate.Target.Completes = true
		tgt := target.Target{Image: "app", Alias: "web", Needs: []target.Service{migrate, db, need("cache")}}
		c, err := e.Start(t.Context(), tgt, image.Facts{}, profile.Unrestricted())
		if err != nil {
			t.Fatal(err)
		}
		got := slices.Clone(r.starts)
		slices.Sort(got[:2]) // db and cache start in parallel
		want := []string{"cache@network-1 as cache", "db@network-1 as db", "migrate@network-1 as migrate", "app@network-1 as web"}
		if !slices.Equal(got, want) {
			t.Errorf("starts %q, want %q", got, want)
		}
		env := c.(engine.Addressed).Environment()
		slices.Sort(env)
		if want := []string{"PODSEAL_CACHE_HOST=127.0.0.1", "PODSEAL_DB_HOST=127.0.0.1", "PODSEAL_MIGRATE_HOST=127.0.0.1"}; !slices.Equal(env, want) {
			t.Errorf("environment: %q", env)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		for range 2 {
			if err := c.Remove(ended); err != nil {
				t.Error(err)
			}
		}
		if r.alive() != 0 || len(networks.alive) != 0 {
			t.Errorf("%d containers and networks %v are left", r.alive(), networks.alive)
		}
	})
}

// TestWithoutNeeds: a target without services starts as it is.
func TestWithoutNeeds(t *testing.T) {
	r := newRouter(t, map[string]string{"app": "start log : ready"})
	networks := newNetworks()
	c, err := New(r, networks).Start(t.Context(), target.Target{Image: "app", Network: "host"}, image.Facts{}, profile.Unrestricted())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Remove(t.Context()); err != nil || networks.made != 0 || r.starts[0] != "app@host as " {
		t.Errorf("%v, %d networks, starts %q", err, networks.made, r.starts)
	}
}

// TestServiceFails: the error names the service, the reason and the last line of its log, and nothing is left.
func TestServiceFails(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"not ready", "start log : starting", `service db: not ready after 2m0s: no line of the logs matches "ready"; the last line of its log: starting`},
		{"exits", "start log : no password\nstart exit 7", "service db: exited 7 before it was ready; the last line of its log: no password"},
		{"exits later", "start log : one\nstart after 3s log : two\nstart after 4s exit 1", "service db: exited 1 before it was ready; the last line of its log: two"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRouter(t, map[string]string{"app": "start log : ready", "db": c.script})
				networks := newNetworks()
				_, err := New(r, networks).Start(t.Context(), target.Target{Image: "app", Needs: []target.Service{need("db")}}, image.Facts{}, profile.Unrestricted())
				failed := new(ServiceError)
				if !errors.As(err, &failed) || failed.Service != "db" || err.Error() != c.want {
					t.Errorf("got %v\nwant %s", err, c.want)
				}
				if r.alive() != 0 || len(networks.alive) != 0 || networks.made != 1 {
					t.Errorf("%d containers and networks %v are left, of %d", r.alive(), networks.alive, networks.made)
				}
			})
		})
	}
}

// TestInterrupted: a start that is interrupted while a service starts leaves nothing.
func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRouter(t, map[string]string{"app": "start log : ready", "db": "start after 1h log : ready"})
		networks := newNetworks()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := New(r, networks).Start(ctx, target.Target{Image: "app", Needs: []target.Service{need("db")}}, image.Facts{}, profile.Unrestricted())
		if !errors.Is(err, context.Canceled) || r.alive() != 0 || len(networks.alive) != 0 {
			t.Errorf("%v; %d containers and networks %v are left", err, r.alive(), networks.alive)
		}
	})
}

// TestServiceThatWasReadyStartsAgain: a service that was ready in an earlier run gets a second start.
func TestServiceThatWasReadyStartsAgain(t *testing.T) {
	r := newRouter(t, map[string]string{"app": "start log : ready", "db": "start in-run 2 exit 1\nstart log : ready"})
	e := New(r, newNetworks())
	for range 2 {
		c, err := e.Start(t.Context(), target.Target{Image: "app", Needs: []target.Service{need("db")}}, image.Facts{}, profile.Unrestricted())
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Remove(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if n := strings.Count(strings.Join(r.starts, " "), "db@"); n != 3 {
		t.Errorf("%d starts of the service, want 3: %q", n, r.starts)
	}
}

// TestServiceExitsDuringTheRun: the state of the target is an error then, and not a failure of the profile.
func TestServiceExitsDuringTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRouter(t, map[string]string{"app": "start log : ready", "db": "start log : ready\nstart after 5s log : out of disk\nstart after 6s exit 2"})
		c, err := New(r, newNetworks()).Start(t.Context(), target.Target{Image: "app", Needs: []target.Service{need("db")}}, image.Facts{}, profile.Unrestricted())
		if err != nil {
			t.Fatal(err)
		}
		if st, err := c.State(t.Context()); err != nil || !st.Running {
			t.Errorf("before: %+v, %v", st, err)
		}
		time.Sleep(time.Minute)
		_, err = c.State(t.Context())
		const want = "service db: exited 2 while the target ran; the last line of its log: out of disk"
		if failed := new(ServiceError); !errors.As(err, &failed) || err.Error() != want {
			t.Errorf("after: %v", err)
		}
		if err := c.Remove(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestNetworksAreExhausted: a start waits for networks of other runs of its engine, and for no others.
func TestNetworksAreExhausted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRouter(t, map[string]string{"app": "start log : ready", "db": "start log : ready"})
		networks := newNetworks()
		networks.limit = 1
		e := New(r, networks)
		start := func() (engine.Container, error) {
			return e.Start(t.Context(), target.Target{Image: "app", Needs: []target.Service{need("db")}}, image.Facts{}, profile.Unrestricted())
		}
		first, err := start()
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			time.Sleep(10 * time.Second)
			if err := first.Remove(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		second, err := start()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := start(); !errors.Is(err, engine.ErrNoNetwork) {
			t.Errorf("with a network that is never released: %v", err)
		}
		if err := second.Remove(t.Context()); err != nil {
			t.Error(err)
		}
		networks.alive["another program's"] = true
		began := time.Now()
		if _, err := start(); !errors.Is(err, engine.ErrNoNetwork) || time.Since(began) > 0 {
			t.Errorf("with another program's network: %v after %s", err, time.Since(began))
		}
	})
}

// TestRemoveFails: what could not be removed is removed the next time.
func TestRemoveFails(t *testing.T) {
	r := newRouter(t, map[string]string{"app": "start log : ready", "db": "start log : ready"})
	networks := newNetworks()
	c, err := New(r, networks).Start(t.Context(), target.Target{Image: "app", Needs: []target.Service{need("db")}}, image.Facts{}, profile.Unrestricted())
	if err != nil {
		t.Fatal(err)
	}
	networks.broken = errors.New("busy")
	if err := c.Remove(t.Context()); !errors.Is(err, networks.broken) {
		t.Errorf("got %v", err)
	}
	networks.broken = nil
	if err := c.Remove(t.Context()); err != nil || len(networks.alive) != 0 {
		t.Errorf("%v, left %v", err, networks.alive)
	}
}

func TestCheck(t *testing.T) {
	loop := need("a", need("b", need("a")))
	for _, c := range []struct {
		name string
		t    target.Target
		want string
	}{
		{"none", target.Target{Network: "host"}, ""},
		{"shared", target.Target{Needs: []target.Service{need("a", need("c")), need("b", need("c"))}}, ""},
		{"network", target.Target{Network: "host", Needs: []target.Service{need("a")}}, "joins network host and has needs"},
		{"name", target.Target{Needs: []target.Service{need("a b")}}, `need "a b": the name is no host name`},
		{"no name", target.Target{Needs: []target.Service{need("")}}, `need "": the name is no host name`},
		{"own name", target.Target{Alias: "a", Needs: []target.Service{need("a")}}, "need a: the target itself"},
		{"twice", target.Target{Needs: []target.Service{need("a"), need("a")}}, "need a: the name is used twice"},
		{"loop", target.Target{Needs: []target.Service{loop}}, "need a: it needs itself: a needs b needs a"},
	} {
		if err := Check(c.t); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

// published is a container with published ports.
type published struct {
	engine.Container
	tcp, udp map[int]int
}

func (c published) Host() string          { return "10.0.0.1" }
func (c published) Ports() map[int]int    { return c.tcp }
func (c published) UDPPorts() map[int]int { return c.udp }

// TestEnvironment: the names of variables are ones that a shell can read, and the first port is the first declared one.
func TestEnvironment(t *testing.T) {
	for _, c := range []struct {
		name     string
		c        published
		declared []int
		want     string
	}{
		{"my-db", published{tcp: map[int]int{5432: 1, 80: 2}}, []int{7, 5432}, "MY_DB_HOST=10.0.0.1 MY_DB_PORT=1 MY_DB_PORT_5432=1 MY_DB_PORT_80=2"},
		{"dns.1", published{udp: map[int]int{53: 3}}, nil, "DNS_1_HOST=10.0.0.1 DNS_1_PORT_53_UDP=3"},
	} {
		if got := strings.ReplaceAll(strings.Join(environment(c.name, c.c, c.declared), " "), "PODSEAL_", ""); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

// TestConnections: addresses on the network get the names of services, also after the network has gone; those of the target
// are left out.
func TestConnections(t *testing.T) {
	r := newRouter(t, map[string]string{
		"app": "start connect 172.20.0.2:5432\nstart connect 172.20.0.3:80\nstart connect 93.184.216.34:443\nstart log : ready", "db": "start log : ready",
	})
	networks := newNetworks()
	networks.addresses = map[string][]netip.Addr{
		"db": {netip.MustParseAddr("172.20.0.2")}, "0123456789ab": {netip.MustParseAddr("172.20.0.2")},
		"web": {netip.MustParseAddr("172.20.0.3")}, "aa3456789ab": {netip.MustParseAddr("172.20.0.3")},
	}
	c, err := New(r, networks).Start(t.Context(), target.Target{Image: "app", Needs: []target.Service{need("db")}}, image.Facts{}, profile.Unrestricted())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		found, err := c.Connections(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range found {
			got = append(got, fmt.Sprintf("%s:%d=%s", c.Address, c.Port, c.Peer))
		}
		if want := "172.20.0.2:5432=db 93.184.216.34:443="; strings.Join(got, " ") != want {
			t.Errorf("got %q, want %s", got, want)
		}
		networks.addresses = nil
	}
	if err := c.Remove(t.Context()); err != nil {
		t.Error(err)
	}
}

// slowState is an engine whose containers exit while their state is asked for.
type slowState struct{ engine.Engine }

type exitsMeanwhile struct {
	engine.Container
	asked chan struct{}
	once  *sync.Once
}

func (e slowState) Start(ctx context.Context, t target.Target, facts image.Facts, p profile.Profile) (engine.Container, error) {
	c, err := e.Engine.Start(ctx, t, facts, p)
	return exitsMeanwhile{c, make(chan struct{}), &sync.Once{}}, err
}

func (c exitsMeanwhile) Wait(context.Context) error {
	<-c.asked
	return nil
}

func (c exitsMeanwhile) State(ctx context.Context) (engine.State, error) {
	first := false
	c.once.Do(func() { close(c.asked); first = true })
	if first {
		<-ctx.Done()
		return engine.State{}, ctx.Err()
	}
	return engine.State{Exit: observe.Exit{Code: 3}}, nil
}

// TestServiceExitsWhileItIsAsked: the reason is the exit, and not the end of the question.
func TestServiceExitsWhileItIsAsked(t *testing.T) {
	r := newRouter(t, map[string]string{"app": "start log : ready"})
	service := target.Service{Name: "db", Target: target.Target{Image: "db"}}
	_, err := New(slowState{r}, newNetworks()).Start(t.Context(), target.Target{Image: "app", Needs: []target.Service{service}}, image.Facts{}, profile.Unrestricted())
	if failed := new(ServiceError); !errors.As(err, &failed) || failed.Reason != "exited 3 before it was ready" {
		t.Errorf("got %v", err)
	}
}
