package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
)

// Forward forwards ports of this machine's loopback interface to a pod, over one connection to the API server that is
// renewed when it breaks. A connection to a port that nothing in the pod listens on is reset.
type Forward struct {
	Ports map[int]int // port of the pod to port of the loopback interface

	dialer    httpstream.Dialer
	listeners []net.Listener
	requests  atomic.Int64

	mu     sync.Mutex
	link   *link // for new connections; nil if there is none
	closed bool
}

// Forward listens on a free loopback port for each port of a pod. It makes no request until somebody connects. The caller
// closes it.
func (n *Namespace) Forward(ctx context.Context, pod string, ports []int) (*Forward, error) {
	request := n.client.API.CoreV1().RESTClient().Post().Namespace(n.Name).Resource("pods").Name(pod).SubResource("portforward")
	transport, upgrader, err := spdy.RoundTripperFor(n.client.Config)
	if err != nil {
		return nil, fmt.Errorf("forwarding ports of pod %s: %w", pod, err)
	}
	old := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, request.URL())
	tunnel, err := portforward.NewSPDYOverWebsocketDialerForStreaming(request.URL(), n.client.Config)
	if err != nil {
		return nil, fmt.Errorf("forwarding ports of pod %s: %w", pod, err)
	}
	f := &Forward{Ports: map[int]int{}, dialer: portforward.NewFallbackDialerForStreaming(tunnel, old, needsSPDY)}
	var config net.ListenConfig
	for _, p := range ports {
		l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, errors.Join(fmt.Errorf("forwarding port %d of pod %s: %w", p, pod, err), f.Close())
		}
		f.listeners = append(f.listeners, l)
		if at, ok := l.Addr().(*net.TCPAddr); ok {
			f.Ports[p] = at.Port
		}
		go f.accept(l, p)
	}
	return f, nil
}

// accept serves connections to one port until the listener is closed.
func (f *Forward) accept(l net.Listener, port int) {
	for {
		local, err := l.Accept()
		if err != nil {
			return
		}
		go f.serve(local, port)
	}
}

// serve copies one connection in both directions.
func (f *Forward) serve(local net.Conn, port int) {
	defer local.Close()
	remote, err := f.open(port)
	if err != nil {
		reset(local)
		return
	}
	go func() {
		_, _ = io.Copy(remote.data, local)
		_ = remote.data.Close() // half: the pod may still answer
	}()
	_, copyErr := io.Copy(local, remote.data)
	if !remote.close() || copyErr != nil {
		reset(local)
	}
}

// listenWait is how long a port that nothing listens on takes to be refused.
const listenWait = 300 * time.Millisecond

// Listens reports whether something in the pod listens on a port, by a connection to it.
func (f *Forward) Listens(port int) bool {
	remote, err := f.open(port)
	if err != nil {
		return false
	}
	select {
	case <-remote.refused:
		remote.close()
		return false
	case <-time.After(listenWait):
		return remote.close()
	}
}

// reset makes the end of a connection an error for its peer.
func reset(local net.Conn) {
	if tcp, ok := local.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
}

// Close ends all forwarding.
func (f *Forward) Close() error {
	var errs []error
	for _, l := range f.listeners {
		errs = append(errs, l.Close())
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	if f.link != nil {
		errs = append(errs, f.link.Close())
	}
	return errors.Join(errs...)
}
