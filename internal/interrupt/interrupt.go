// Package interrupt ends a command gently at a signal, and when nobody reads its output any more.
package interrupt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Context returns a context that the first of the signals ends. The next signal then ends the process at once.
func Context(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, stop := signal.NotifyContext(ctx, endSignals()...)
	ctx, cancel := context.WithCancelCause(ctx)
	keepAfterBrokenPipe()
	go func() {
		<-ctx.Done()
		stop()
	}()
	return ctx, cancel
}

// endSignals returns the signals that end a run gently. A signal that was ignored when the process started is left
// ignored: nohup does that to SIGHUP.
func endSignals() []os.Signal {
	out := []os.Signal{os.Interrupt}
	for _, s := range terminationSignals {
		if !signal.Ignored(s) {
			out = append(out, s)
		}
	}
	return out
}

// writer ends the run when nobody reads its output any more.
type writer struct {
	w    io.Writer
	lost context.CancelCauseFunc
}

// Writer returns a writer to w that calls lost when nobody reads w any more.
func Writer(w io.Writer, lost context.CancelCauseFunc) io.Writer { return &writer{w: w, lost: lost} }

func (w *writer) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		w.lost(fmt.Errorf("nothing reads stderr any more"))
	}
	return n, err
}
