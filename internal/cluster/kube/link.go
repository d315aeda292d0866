package kube

import (
	"errors"
	"io"
	"net/http"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/streaming/pkg/httpstream"
)

// link is one connection to the API server for forwarded ports, with the connections to ports that use it. Runtimes break
// a link at which one port has been refused: it is given to no further connection, and is closed after the last one.
type link struct {
	httpstream.Connection
	users int
	stale bool
}

// remote is one connection to a port of a pod.
type remote struct {
	data    httpstream.Stream
	refused <-chan struct{} // closed when the pod has refused the connection

	forward *Forward
	link    *link
	failed  httpstream.Stream
	ended   <-chan struct{} // closed at the end of the stream of errors
}

var errLostConnection = errors.New("the connection for forwarded ports is lost")

// open connects to a port of the pod.
func (f *Forward) open(port int) (*remote, error) {
	for range 2 { // the second time over a new link
		l, err := f.take()
		if err != nil {
			return nil, err
		}
		failed, data, err := streams(l, port, f.requests.Add(1))
		if err != nil {
			f.release(l, true)
			continue
		}
		refused, ended := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			if message, err := io.ReadAll(failed); err != nil || len(message) > 0 {
				close(refused)
			}
		}()
		return &remote{data: data, refused: refused, forward: f, link: l, failed: failed, ended: ended}, nil
	}
	return nil, errLostConnection
}

// close ends the connection and reports whether the pod has taken it.
func (r *remote) close() bool {
	_ = r.data.Reset() // data that nobody reads would block the link
	<-r.ended
	r.link.RemoveStreams(r.failed, r.data)
	select {
	case <-r.refused:
		r.forward.release(r.link, true)
		return false
	default:
		r.forward.release(r.link, false)
		return true
	}
}

// streams opens the two streams of one connection, in the order of their protocol: errors, data.
func streams(l *link, port int, request int64) (failed, data httpstream.Stream, err error) {
	headers := http.Header{}
	headers.Set(corev1.PortHeader, strconv.Itoa(port))
	headers.Set(corev1.PortForwardRequestIDHeader, strconv.FormatInt(request, 10))
	headers.Set(corev1.StreamType, corev1.StreamTypeError)
	if failed, err = l.CreateStream(headers); err != nil {
		return nil, nil, err
	}
	_ = failed.Close() // nothing is written to it
	headers.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err = l.CreateStream(headers)
	return failed, data, err
}

// take returns the link for a new connection, and makes it if there is none.
func (f *Forward) take() (*link, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, errLostConnection
	}
	if f.link != nil {
		select {
		case <-f.link.CloseChan():
			f.link = nil
		default:
			f.link.users++
			return f.link, nil
		}
	}
	conn, _, err := f.dialer.Dial(portforward.PortForwardProtocolV1Name)
	if err != nil {
		return nil, err
	}
	f.link = &link{Connection: conn, users: 1}
	return f.link, nil
}

// release gives a link back; a stale one serves no further connection.
func (f *Forward) release(l *link, stale bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l.users--
	l.stale = l.stale || stale
	if l.stale && f.link == l {
		f.link = nil
	}
	if l.stale && l.users == 0 {
		_ = l.Close()
	}
}
