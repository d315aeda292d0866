package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
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
	conn   httpstream.Connection
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
	conn, failed, data, err := f.streams(port)
	if err != nil {
		reset(local)
		return
	}
	defer conn.RemoveStreams(failed, data)
	refused := make(chan bool, 1)
	go func() {
		message, err := io.ReadAll(failed)
		refused <- err == nil && len(message) > 0
	}()
	go func() {
		_, _ = io.Copy(data, local)
		_ = data.Close() // half: the pod may still answer
	}()
	_, copyErr := io.Copy(local, data)
	_ = data.Reset()
	if copyErr != nil || <-refused {
		reset(local)
	}
}

// listenWait is how long a port that nothing listens on takes to be refused.
const listenWait = 300 * time.Millisecond

// Listens reports whether something in the pod listens on a port, by a connection to it.
func (f *Forward) Listens(port int) bool {
	conn, failed, data, err := f.streams(port)
	if err != nil {
		return false
	}
	defer conn.RemoveStreams(failed, data)
	refused := make(chan bool, 1)
	go func() {
		message, err := io.ReadAll(failed)
		refused <- err != nil || len(message) > 0
	}()
	defer func() { _ = data.Reset() }()
	select {
	case no := <-refused:
		return !no
	case <-time.After(listenWait):
		return true
	}
}

// reset makes the end of a connection an error for its peer.
func reset(local net.Conn) {
	if tcp, ok := local.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
}

// streams returns the two streams of one connection to a port, in the order of their protocol: errors, data.
func (f *Forward) streams(port int) (conn httpstream.Connection, failed, data httpstream.Stream, err error) {
	for range 2 { // the second time over a new connection
		if conn, err = f.connection(); err != nil {
			return nil, nil, nil, err
		}
		headers := http.Header{}
		headers.Set(corev1.PortHeader, strconv.Itoa(port))
		headers.Set(corev1.PortForwardRequestIDHeader, strconv.FormatInt(f.requests.Add(1), 10))
		headers.Set(corev1.StreamType, corev1.StreamTypeError)
		if failed, err = conn.CreateStream(headers); err == nil {
			_ = failed.Close() // nothing is written to it
			headers.Set(corev1.StreamType, corev1.StreamTypeData)
			if data, err = conn.CreateStream(headers); err == nil {
				return conn, failed, data, nil
			}
		}
		f.drop(conn)
	}
	return nil, nil, nil, errLostConnection
}

var errLostConnection = errors.New("the connection for forwarded ports is lost")

// connection returns the connection to the API server, and makes it if there is none.
func (f *Forward) connection() (httpstream.Connection, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, errLostConnection
	}
	if f.conn != nil {
		select {
		case <-f.conn.CloseChan():
			f.conn = nil
		default:
			return f.conn, nil
		}
	}
	conn, _, err := f.dialer.Dial(portforward.PortForwardProtocolV1Name)
	if err != nil {
		return nil, err
	}
	f.conn = conn
	return conn, nil
}

// drop closes a connection that broke.
func (f *Forward) drop(conn httpstream.Connection) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = conn.Close()
	if f.conn == conn {
		f.conn = nil
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
	if f.conn != nil {
		errs = append(errs, f.conn.Close())
	}
	return errors.Join(errs...)
}
