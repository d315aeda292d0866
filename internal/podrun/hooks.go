package podrun

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/probe"
	"github.com/podseal/podseal/internal/target"
)

// hookTime bounds the request of a hook.
const hookTime = 10 * time.Second

// leastGrace is what a kubelet leaves between the stop signal and SIGKILL, however long the hook before took.
const leastGrace = 2 * time.Second

// hooks runs the lifecycle hooks of a container.
type hooks struct {
	target  target.Target
	exec    func(ctx context.Context, argv []string) (code int, output string, err error)
	address func(port int) (hostPort string, ok bool) // where a port is reached
}

// run runs a hook; nil is none. A failure of the application or the manifest is an *engine.PodError.
func (h hooks) run(ctx context.Context, name string, hook *target.Hook) error {
	if hook == nil {
		return nil
	}
	what := name + " hook"
	if h.target.Name != "" {
		what += " of " + h.target.Name
	}
	switch {
	case hook.Sleep > 0:
		if !pause(ctx, hook.Sleep) {
			return ctx.Err()
		}
	case len(hook.Argv) > 0:
		code, output, err := h.exec(ctx, hook.Argv)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if code != 0 {
			return &engine.PodError{What: fmt.Sprintf("the %s exited %d", what, code), Output: strings.TrimSpace(output)}
		}
	case hook.HTTP != nil:
		if err := h.get(ctx, *hook.HTTP); err != nil {
			return &engine.PodError{What: fmt.Sprintf("the %s failed: %v", what, err)}
		}
	}
	return nil
}

// get makes the request of a hook. Any answer passes: a kubelet does not check the status.
func (h hooks) get(ctx context.Context, g target.HTTPGet) error {
	ctx, cancel := context.WithTimeout(ctx, hookTime)
	defer cancel()
	at, ok := h.address(g.Port)
	if !ok {
		return fmt.Errorf("port %d is not published: give it with --port", g.Port)
	}
	resp, err := probe.Get(ctx, at, g, false)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// preStop runs the hook before the stop; a kubelet stops the container whatever its result. It returns the rest of the
// grace period.
func (h hooks) preStop(ctx context.Context, grace time.Duration) time.Duration {
	if h.target.PreStop == nil {
		return grace
	}
	began := time.Now()
	within, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	_ = h.run(within, "preStop", h.target.PreStop)
	return max(leastGrace, grace-time.Since(began))
}

// pause waits. It reports whether the context still lasts.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
