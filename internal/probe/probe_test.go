package probe

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/target"
)

// probed is a container whose ports are those of real servers.
type probed struct {
	engine.Container
	ports     map[int]int
	listening []int
	blind     bool // the engine gives no way to look inside
}

func (c probed) Host() string       { return "127.0.0.1" }
func (c probed) Ports() map[int]int { return c.ports }

func (c probed) Listening(context.Context) ([]int, error) {
	if c.blind {
		return nil, engine.ErrCannotInspect
	}
	return c.listening, nil
}

func (c probed) Exec(_ context.Context, argv []string) (int, string, error) {
	if argv[0] == "true" {
		return 0, "", nil
	}
	return 7, "first\nnot yet\n", nil
}

func (c probed) ExecDefault(ctx context.Context, argv []string) (int, string, error) {
	code, _, err := c.Exec(ctx, argv)
	return code, "in the default container", err
}

func portOf(t *testing.T, l net.Addr) int {
	t.Helper()
	at, ok := l.(*net.TCPAddr)
	if !ok {
		t.Fatal(l)
	}
	return at.Port
}

// answer is an application for HTTP probes. The path names its answer.
func answer(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/ok":
		if r.URL.RawQuery == "full=1" && r.Host == "shop.example" && r.Header.Get("X-Probe") == "a" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.WriteHeader(http.StatusBadRequest)
	case "/here":
		http.Redirect(w, r, "/fails", http.StatusFound)
	case "/away":
		http.Redirect(w, r, "https://elsewhere.example/", http.StatusFound)
	case "/slow":
		select {
		case <-r.Context().Done():
		case <-time.After(20 * time.Second):
		}
	case "/a:b":
	default:
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

func healthServer(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, h := grpc.NewServer(), health.NewServer()
	h.SetServingStatus("up", grpc_health_v1.HealthCheckResponse_SERVING)
	h.SetServingStatus("down", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	grpc_health_v1.RegisterHealthServer(s, h)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return portOf(t, l.Addr())
}

func bareGRPC(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return portOf(t, l.Addr())
}

// TestProbes asks real servers. Port 81 is published, but nothing listens in the container; 82 is not published; the
// server behind 83 is gone.
func TestProbes(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(answer))
	defer plain.Close()
	secure := httptest.NewUnstartedServer(http.HandlerFunc(answer))
	secure.Config.ErrorLog = nil
	secure.StartTLS()
	defer secure.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gonePort := portOf(t, gone.Addr())
	_ = gone.Close()
	c := probed{
		ports: map[int]int{
			80: portOf(t, plain.Listener.Addr()), 443: portOf(t, secure.Listener.Addr()), 50: healthServer(t), 51: bareGRPC(t),
			81: portOf(t, plain.Listener.Addr()), 83: gonePort,
		},
		listening: []int{80, 443, 50, 51, 82, 83},
	}
	get := func(port int, path string, https bool, headers ...[2]string) target.Probe {
		return target.Probe{Name: "p", HTTP: &target.HTTPGet{Port: port, Path: path, HTTPS: https, Headers: headers}}
	}
	headers := [][2]string{{"host", "shop.example"}, {"x-probe", "a"}}
	for _, x := range []struct {
		name  string
		probe target.Probe
		want  string // a part of what is missing; empty: nothing
	}{
		{"headers and query", get(80, "/ok?full=1", false, headers...), ""},
		{"https, no certificate checked", get(443, "ok?full=1", true, headers...), ""},
		{"https where http is spoken", get(80, "/ok", true), "no answer"},
		{"http where https is spoken", get(443, "/ok", false), "400"},
		{"a bad status", get(80, "/fails", false), "503"},
		{"a redirect to itself is followed", get(80, "/here", false), "503"},
		{"a redirect to elsewhere is well", get(80, "/away", false), ""},
		{"an odd path", get(80, "a:b", false), ""},
		{"published, but not listening", get(81, "/away", false), "nothing listens on port 81"},
		{"not published", get(82, "/", false), "not published"},
		{"gone", get(83, "/", false), "no answer"},
		{"tcp", target.Probe{Name: "p", TCP: 80}, ""},
		{"tcp, not listening", target.Probe{Name: "p", TCP: 81}, "nothing listens"},
		{"tcp, gone", target.Probe{Name: "p", TCP: 83}, "no connection"},
		{"exec", target.Probe{Name: "p", Argv: []string{"true"}}, ""},
		{"exec fails", target.Probe{Name: "p", Argv: []string{"false", "x y"}}, "the p fails: `false 'x y'` exited 7: not yet"},
		{"exec in the default container", target.Probe{Name: "p", Of: "web", Argv: []string{"false"}}, "the p of web fails: `false` exited 7: in the default"},
		{"grpc", target.Probe{Name: "p", GRPC: 50}, ""},
		{"grpc service", target.Probe{Name: "p", GRPC: 50, Service: "up"}, ""},
		{"grpc service down", target.Probe{Name: "p", GRPC: 50, Service: "down"}, "not serving (NOT_SERVING)"},
		{"grpc service unknown", target.Probe{Name: "p", GRPC: 50, Service: strings.Repeat("long", 50)}, "status NotFound"},
		{"grpc without health", target.Probe{Name: "p", GRPC: 51}, "no gRPC health service"},
		{"grpc asks http", target.Probe{Name: "p", GRPC: 80}, "gRPC health check"},
	} {
		t.Run(x.name, func(t *testing.T) {
			r := Source{Container: c, Began: time.Now()}
			missing, err := r.probeCheck(x.probe)(t.Context())
			if err != nil || (missing == "") != (x.want == "") || !strings.Contains(missing, x.want) {
				t.Errorf("missing %q (%v), want %q", missing, err, x.want)
			}
		})
	}
	t.Run("blind", func(t *testing.T) {
		blind := c
		blind.blind = true
		missing, err := (Source{Container: blind}).probeCheck(get(80, "/away", false))(t.Context())
		if err != nil || missing != "" {
			t.Errorf("missing %q (%v)", missing, err)
		}
	})
	t.Run("broken off", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		missing, err := (Source{Container: c}).probeCheck(get(80, "/slow", false))(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || missing != "" {
			t.Errorf("missing %q (%v)", missing, err)
		}
	})
}

// TestPodChecks waits for the pod's other containers: by their probes, else for their first port, but not for ever.
func TestPodChecks(t *testing.T) {
	member := func(name string, kind target.MemberKind, completes bool, ports ...int) target.Member {
		return target.Member{Name: name, Kind: kind, Target: target.Target{Ports: ports, Completes: completes}}
	}
	x := target.Target{
		Ready: target.Ready{Probes: []target.Probe{{Name: "readinessProbe", Of: "probed", TCP: 10}}},
		Pod: &target.Pod{
			Before: []target.Member{member("init", target.Init, true, 1), member("sidecar", target.Sidecar, false, 2, 3)},
			After:  []target.Member{member("probed", target.Main, false, 4), member("job", target.Main, true, 5), member("bare", target.Main, false)},
		},
	}
	missing := func(began time.Time, listening ...int) []string {
		r := Source{Target: x, Container: probed{ports: map[int]int{}, listening: listening}, Began: began}
		if r.probed() {
			t.Error("the target has no probe of its own")
		}
		var out []string
		for _, c := range r.podChecks() {
			if what, err := c(t.Context()); err != nil {
				t.Fatal(err)
			} else if what != "" {
				out = append(out, what)
			}
		}
		return out
	}
	const probe, port = "the readinessProbe of probed fails: nothing listens on port 10", "container sidecar does not listen on port 2"
	if got := missing(time.Now()); !slices.Equal(got, []string{probe, port}) {
		t.Errorf("at first: %q", got)
	}
	if got := missing(time.Now(), 2); !slices.Equal(got, []string{probe}) {
		t.Errorf("when the sidecar listens: %q", got)
	}
	if got := missing(time.Now().Add(-time.Minute)); !slices.Equal(got, []string{probe}) {
		t.Errorf("after a minute: %q", got)
	}
}
