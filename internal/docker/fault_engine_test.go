//go:build engine

package docker

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/podseal/podseal/internal/docker/dockertest"
	"github.com/podseal/podseal/internal/engine"
)

// proxy stands between a client and the engine. It can be frozen, so that nothing is answered, and killed, so that nothing
// answers.
type proxy struct {
	listener net.Listener
	target   string
	gate     sync.RWMutex // held for writing while the engine is frozen

	mu    sync.Mutex
	conns []net.Conn
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	at, err := findEndpoint(os.Getenv)
	path, unix := strings.CutPrefix(at.Host, "unix://")
	if err != nil || !unix {
		dockertest.Missing(t, "no Docker engine at a unix socket")
	}
	name := filepath.Join(t.TempDir(), "engine")
	l, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, target: path}
	go p.serve()
	t.Cleanup(p.kill)
	t.Setenv("DOCKER_HOST", "unix://"+name)
	return p
}

func (p *proxy) serve() {
	for {
		front, err := p.listener.Accept()
		if err != nil {
			return
		}
		back, err := net.Dial("unix", p.target)
		if err != nil {
			_ = front.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, front, back)
		p.mu.Unlock()
		go p.copy(front, back)
		go p.copy(back, front)
	}
}

func (p *proxy) copy(to, from net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.gate.RLock()
		_, werr := to.Write(buf[:n])
		p.gate.RUnlock()
		if errors.Join(err, werr) != nil {
			_ = to.Close()
			return
		}
	}
}

func (p *proxy) kill() {
	_ = p.listener.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
}

// TestEngineFaults: each fault is a typed error of one sentence, which names the call and its object.
func TestEngineFaults(t *testing.T) {
	b := newBench(t)
	facts := b.app(nil)
	defer func() {
		if err := b.Sweep(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	for _, tt := range []struct {
		name string
		do   func(*proxy)
		kind engine.FaultKind
		says string
	}{
		{"frozen", func(p *proxy) { p.gate.Lock() }, engine.Frozen, "does not answer in time"},
		{"gone", func(p *proxy) { p.kill() }, engine.Gone, "is gone"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newProxy(t)
			c, err := New(t.Context(), Options{RunID: b.RunID()})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			box, err := c.Create(t.Context(), "faulty-"+tt.name, Unstarted(facts))
			if err != nil {
				t.Fatal(err)
			}
			tt.do(p)
			if tt.kind == engine.Frozen {
				defer p.gate.Unlock()
			}
			limited, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, status := box.Status(limited)
			_, create := c.Create(limited, "another", Unstarted(facts))
			for call, err := range map[string]error{"inspecting container " + box.Name: status, "creating": create, "cleaning up": box.Remove(limited)} {
				wantFault(t, err, tt.kind, call, tt.says)
			}
			wantFault(t, c.Sweep(limited), tt.kind, "cleaning up", tt.says)
		})
	}
}

func wantFault(t *testing.T, err error, kind engine.FaultKind, call, says string) {
	t.Helper()
	fault := new(engine.Fault)
	if !errors.As(err, &fault) || fault.Kind != kind {
		t.Errorf("%s: %v is no fault of kind %q", call, err, kind)
		return
	}
	if text := err.Error(); !strings.HasPrefix(text, call) || !strings.Contains(text, says) || strings.Contains(text, "\n") {
		t.Errorf("%s: %s", call, text)
	}
}

// TestEndedContextIsNoFault: an engine that answers is not blamed for a context that ends.
func TestEndedContextIsNoFault(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	box, err := b.Create(t.Context(), "ended", Unstarted(b.app(nil)))
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = box.Status(ended)
	if fault := new(engine.Fault); !errors.Is(err, context.Canceled) || errors.As(err, &fault) {
		t.Errorf("Status: %v", err)
	}
	if err := box.Remove(ended); err != nil {
		t.Errorf("Remove: %v", err)
	}
}
