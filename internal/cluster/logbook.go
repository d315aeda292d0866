package cluster

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/podseal/podseal/internal/cluster/kube"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// maxLog is how many bytes of a container's output are kept: its end.
const maxLog = 8 << 20

// stream is the output of one start of a container.
type stream = io.ReadCloser

// logBook collects the output of a container over its starts, by one request for each start.
type logBook struct {
	open func(ctx context.Context, previous bool) (stream, error)

	output *kube.Tail

	mu      sync.Mutex
	done    chan struct{} // closed at the end of the present start's output
	cancel  context.CancelFunc
	started bool
}

// begin follows the output of a start, after that of the start before it. superseded reports whether a later start exists,
// so that the output is that of the previous one.
func (l *logBook) begin(superseded func() bool) {
	l.mu.Lock()
	before, done := l.done, make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	if l.cancel != nil {
		stop := l.cancel
		l.cancel = func() { stop(); cancel() }
	} else {
		l.cancel = cancel
	}
	l.done, l.started = done, true
	l.mu.Unlock()
	go func() {
		defer close(done)
		if before != nil {
			<-before
		}
		l.copy(ctx, superseded)
	}()
}

// copy copies the output of one start until it ends.
func (l *logBook) copy(ctx context.Context, superseded func() bool) {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		from, err := l.open(ctx, superseded())
		if err == nil {
			_, _ = io.Copy(l.output, from)
			_ = from.Close()
			return
		}
		if apierrors.IsNotFound(err) {
			return
		}
		select { // the kubelet knows a new container a moment after it has reported it
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// endTime bounds the wait for the last output of a container that has exited.
const endTime = 5 * time.Second

// text returns the output until now. Of a container that has exited it is complete.
func (l *logBook) text(ctx context.Context, exited bool) string {
	l.mu.Lock()
	done := l.done
	l.mu.Unlock()
	if exited && done != nil {
		select {
		case <-done:
		case <-ctx.Done():
		case <-time.After(endTime):
		}
	}
	return l.output.String()
}

// close ends the copying.
func (l *logBook) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cancel != nil {
		l.cancel()
	}
}
