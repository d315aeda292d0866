//go:build engine

package docker

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

	"github.com/docker/docker/api/types/container"
	v1 "github.com/google/go-containerregistry/pkg/v1"

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
		got := sandboxSettings(target.Target{Network: tt.network, Ports: tt.ports, Pod: &target.Pod{
			Sysctls: tt.pod, After: []target.Member{{Profile: tt.beside, Target: target.Target{Ports: tt.theirs}}},
		}}, tt.target, image.Facts{}, "127.0.0.1")
		if s := got.host.Sysctls[lowPortSysctl]; s != tt.want {
			t.Errorf("%s: the first port is %q, want %q", tt.name, s, tt.want)
		}
	}
}

// TestPortsOfHostNetwork: there is nothing to publish, and all ports of the pod are where they are.
func TestPortsOfHostNetwork(t *testing.T) {
	t.Parallel()
	c := &running{target: target.Target{Ports: []int{80}, Pod: &target.Pod{Ports: []int{9000, 80}}}}
	found := container.InspectResponse{ContainerJSONBase: &container.ContainerJSONBase{HostConfig: &container.HostConfig{NetworkMode: "host"}}}
	if got := fmt.Sprint(c.publishedPorts(found, "tcp")); got != "map[80:80 9000:9000]" {
		t.Errorf("publishedPorts = %s", got)
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
	c := &running{e: &Engine{pub: u.Hostname()}, ports: map[int]int{8080: port}}
	hook := &target.Hook{HTTP: &target.HTTPGet{Port: 8080, Path: "/up?now", Headers: [][2]string{{"host", "web"}, {"X-Test", "1"}}}}
	if err := c.hook(t.Context(), "postStart", hook); err != nil {
		t.Error(err)
	}
	if want := []string{"web /up?now 1"}; !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
	hook.HTTP.Port = 1
	if err := c.hook(t.Context(), "postStart", hook); err == nil {
		t.Error("a port that is not published does")
	}
}

// TestPreStopTakesItsTime: what the hook takes is no more there for the application, but for two seconds.
func TestPreStopTakesItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct{ hook, grace, want time.Duration }{
			{0, time.Second, time.Second}, {3 * time.Second, 10 * time.Second, 7 * time.Second}, {20 * time.Second, 10 * time.Second, 2 * time.Second},
		} {
			c := &running{}
			if tt.hook > 0 {
				c.target.PreStop = &target.Hook{Sleep: tt.hook}
			}
			if got := c.preStop(t.Context(), tt.grace); got != tt.want {
				t.Errorf("after %s of %s: %s are left, want %s", tt.hook, tt.grace, got, tt.want)
			}
		}
	})
}

// TestMemoryLimit: an application that needs more than its limit is killed, and does not get as much swap.
func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	s, err := openSettings(target.Target{Entrypoint: []string{"/app"}, Memory: 64 << 20}, image.Facts{Config: &v1.ConfigFile{}}, "127.0.0.1")
	if err != nil || s.host.Memory != 64<<20 || s.host.MemorySwap != s.host.Memory {
		t.Errorf("memory %d, with swap %d, %v", s.host.Memory, s.host.MemorySwap, err)
	}
}
