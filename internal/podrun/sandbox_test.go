package podrun

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// TestSandboxPorts: a kubelet's first port in a sealed pod, not where a container lives that is not sealed yet and names a
// low port, and nowhere in a network that is not the pod's own.
func TestSandboxPorts(t *testing.T) {
	t.Parallel()
	open, low := profile.Unrestricted(), sealed()
	low.LowPorts = true
	for _, tt := range []struct {
		name, network  string
		target, beside profile.Profile
		ports, theirs  []int
		pod            map[string]string
		want           string
	}{
		{name: "open", target: open, beside: open, ports: []int{80}},
		{name: "sealed", target: sealed(), beside: sealed(), ports: []int{80}, want: "1024"},
		{name: "one sealed", target: open, beside: sealed(), want: "1024"},
		{name: "one may", target: sealed(), beside: low, want: "0"},
		{name: "one is open", target: sealed(), beside: open, theirs: []int{80}, want: "0"},
		{name: "both name one", target: sealed(), beside: open, ports: []int{80}, theirs: []int{443}, want: "1024"},
		{name: "open, high", target: sealed(), beside: open, theirs: []int{8080}, want: "1024"},
		{name: "the pod says", target: sealed(), beside: sealed(), pod: map[string]string{lowPortSysctl: "80"}, want: "80"},
		{name: "host", network: "host", target: sealed(), beside: sealed()},
		{name: "another's", network: "container:x", target: sealed(), beside: sealed()},
	} {
		got := sandboxSpec(target.Target{Network: tt.network, Ports: tt.ports, Pod: &target.Pod{
			Sysctls: tt.pod, After: []target.Member{{Profile: tt.beside, Target: target.Target{Ports: tt.theirs}}},
		}}, tt.target, "127.0.0.1")
		if s := got.Sysctls[lowPortSysctl]; s != tt.want {
			t.Errorf("%s: the first port is %q, want %q", tt.name, s, tt.want)
		}
	}
}

// TestPortsOfHostNetwork: there is nothing to publish, and all ports of the pod are where they are.
func TestPortsOfHostNetwork(t *testing.T) {
	t.Parallel()
	tgt := target.Target{Ports: []int{80}, Pod: &target.Pod{Ports: []int{9000, 80}}}
	facts := image.Facts{Config: &v1.ConfigFile{}}
	if tcp, udp := published(tgt, facts, docker.Status{HostNetwork: true}); fmt.Sprint(tcp, udp) != "map[80:80 9000:9000] map[]" {
		t.Errorf("published = %v, %v", tcp, udp)
	}
}

// TestHTTPHook: the request has its headers, and any answer is well.
func TestHTTPHook(t *testing.T) {
	t.Parallel()
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Host+" "+r.URL.String()+" "+r.Header.Get("X-Test"))
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusFound)
	}))
	defer server.Close()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	h := hooks{address: func(number int) (string, bool) { return hostPort(u.Hostname(), port), number == 8080 }}
	hook := &target.Hook{HTTP: &target.HTTPGet{Port: 8080, Path: "/up?now", Headers: [][2]string{{"host", "web"}, {"X-Test", "1"}}}}
	if err := h.run(t.Context(), "postStart", hook); err != nil {
		t.Error(err)
	}
	if want := []string{"web /up?now 1"}; !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
	hook.HTTP.Port = 1
	if err := h.run(t.Context(), "postStart", hook); err == nil {
		t.Error("a port that is not published does")
	}
}

// TestPreStopTakesItsTime: the time of the hook is deducted from the grace period; two seconds remain at least.
func TestPreStopTakesItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct{ hook, grace, want time.Duration }{
			{0, time.Second, time.Second}, {3 * time.Second, 10 * time.Second, 7 * time.Second}, {20 * time.Second, 10 * time.Second, 2 * time.Second},
		} {
			h := hooks{}
			if tt.hook > 0 {
				h.target.PreStop = &target.Hook{Sleep: tt.hook}
			}
			if got := h.preStop(t.Context(), tt.grace); got != tt.want {
				t.Errorf("after %s of %s: %s are left, want %s", tt.hook, tt.grace, got, tt.want)
			}
		}
	})
}

// TestMemoryLimit: an application that needs more than its limit is killed. It gets no swap: docker.Spec says so.
func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	s, err := openSpec(target.Target{Entrypoint: []string{"/app"}, Memory: 64 << 20}, image.Facts{Config: &v1.ConfigFile{}}, "127.0.0.1")
	if err != nil || s.Memory != 64<<20 {
		t.Errorf("memory %d, %v", s.Memory, err)
	}
}
