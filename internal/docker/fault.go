package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/docker/docker/client"

	"github.com/podseal/podseal/internal/engine"
)

// SettingError is a setting of the user that the engine does not take. Its text is one sentence with what to do.
type SettingError struct{ Text string }

func (e *SettingError) Error() string { return e.Text }

// UnreachableError is an engine that does not answer when the client connects.
type UnreachableError struct {
	Host string
	Err  error
}

// Error says what to do. The client library gives no types for these errors, so that their texts are compared.
func (u *UnreachableError) Error() string {
	text := u.Err.Error()
	switch {
	case strings.Contains(text, "permission denied"):
		return fmt.Sprintf("no permission to use the engine at %s: add your user to the socket's group "+
			"(usually docker), or point DOCKER_HOST at an engine that you may use", u.Host)
	case strings.Contains(text, "no such host"), strings.Contains(text, "certificate"),
		strings.Contains(text, "tls:"), strings.HasPrefix(u.Host, "ssh://"):
		return fmt.Sprintf("no engine answers at %s: %s: check DOCKER_HOST or the current docker context", u.Host,
			strings.TrimSpace(text))
	}
	return fmt.Sprintf("no engine answers at %s: start it, or point DOCKER_HOST or a docker context at one that runs",
		u.Host)
}

// Unwrap returns the error of the client library.
func (u *UnreachableError) Unwrap() error { return u.Err }

// failure names the call that has failed and its object. It is an *engine.Fault where the engine is gone, where it did not
// answer within the call's own limit, where the context ended while it did not answer, and where the context ended for a
// fault.
func (c *conn) failure(ctx context.Context, call, object string, err error) error {
	var fault *engine.Fault
	if errors.As(context.Cause(ctx), &fault) || errors.As(err, &fault) {
		return fault
	}
	fault = &engine.Fault{Call: call, Object: object, Engine: c.host, Err: err}
	switch {
	case ctx.Err() != nil && c.answers():
		return fmt.Errorf("%s %s: %w", call, object, ctx.Err())
	case ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded):
		fault.Kind = engine.Frozen
	case isDisconnected(err):
		fault.Kind = engine.Gone
	default:
		return fmt.Errorf("%s %s: %w", call, object, err)
	}
	return fault
}

// answers reports whether the engine shows a sign of life. It asks at most once in a while, since many calls may end with
// the context of a run.
func (c *conn) answers() bool {
	if time.Since(time.Unix(0, c.alive.Load())) < answerTime {
		return true
	}
	if c.frozen.Load() {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	return c.ping(ctx) == nil
}

// ping asks the engine for a sign of life, and remembers the answer.
func (c *conn) ping(ctx context.Context) error {
	_, err := c.api.Ping(ctx)
	if c.frozen.Store(err != nil); err == nil {
		c.alive.Store(time.Now().UnixNano())
	}
	return err
}

// isDisconnected reports whether a call found no engine, or lost it before the answer was complete.
func isDisconnected(err error) bool {
	return client.IsErrConnectionFailed(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EPIPE)
}

// The limits of calls that outlive the context of the run.
const (
	// creationGrace is how long the creation of an object may go on when its context has ended. A creation is not
	// cancelled at once: the engine would go on with it, and the id of the object would be lost.
	creationGrace = 10 * time.Second
	// creationTime bounds the creation of one object.
	creationTime = 2 * time.Minute
	// removalTime bounds the removal of one run's objects.
	removalTime = 90 * time.Second
	// answerTime is how long a removal waits for a sign of life of the engine.
	answerTime = 5 * time.Second
)

// creationContext returns a context for the creation of one object, which ends creationGrace after ctx.
func creationContext(ctx context.Context) (context.Context, context.CancelFunc) {
	making, cancel := context.WithTimeout(context.WithoutCancel(ctx), creationTime)
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-making.Done():
		case <-time.After(creationGrace):
			cancel()
		}
	})
	return making, func() { stop(); cancel() }
}

// removalContext returns a context for removals, which does not end with ctx. An engine that shows no sign of life is a
// fault at once, so that a clean-up of many objects does not wait for each.
func (c *conn) removalContext(ctx context.Context) (context.Context, context.CancelFunc, error) {
	ctx = context.WithoutCancel(ctx)
	wait := answerTime
	if c.frozen.Load() {
		wait = time.Second
	}
	asking, done := context.WithTimeout(ctx, wait)
	err := c.ping(asking)
	done()
	if err != nil {
		kind := engine.Frozen
		if isDisconnected(err) && !errors.Is(err, context.DeadlineExceeded) {
			kind = engine.Gone
		}
		return nil, nil, &engine.Fault{Kind: kind, Call: "cleaning up", Engine: c.host, Err: err}
	}
	within, cancel := context.WithTimeout(ctx, removalTime)
	return within, cancel, nil
}

// Lost returns the fault of a container that has ended although the run needs it, or that of the engine where nothing
// answers for it.
func (c *conn) Lost(b *Container) error {
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	if err := c.ping(ctx); err != nil {
		return c.failure(context.Background(), "watching", b.object(), err)
	}
	return &engine.Fault{Kind: engine.ObserverLost, Call: "watching", Object: b.object(), Engine: c.host}
}

// ExecError is a program of a container that could not be executed, or a working directory that could not be entered:
// the image's or the profile's fault, which a kubelet reports as a container that has exited.
type ExecError struct {
	Code int    // 127 where something is missing, else 126, as shells and newer engines report it
	Text string // the engine's message
}

func (e *ExecError) Error() string { return e.Text }

// execError returns the ExecError of a failed start. The engine passes runc's message on, without a type for it.
func execError(err error) (*ExecError, bool) {
	text := err.Error()
	if !strings.Contains(text, "exec: ") && !strings.Contains(text, "chdir to cwd") && !strings.Contains(text, "exec user process") {
		return nil, false
	}
	for _, missing := range []string{"executable file not found", "no such file or directory"} {
		if strings.Contains(text, missing) {
			return &ExecError{Code: 127, Text: text}, true
		}
	}
	return &ExecError{Code: 126, Text: text}, true
}

// unknownAccount is the engine's message about the name of a user or group that the image does not have.
var unknownAccount = regexp.MustCompile(`unable to find (user|group) ([^:\s]+)`)

// startError adds what to do about a container that the engine cannot start. The engine has no types for these errors.
func startError(err error) error {
	text := err.Error()
	switch {
	case unknownAccount.MatchString(text):
		found := unknownAccount.FindStringSubmatch(text)
		return &SettingError{fmt.Sprintf("the image's /etc/%s has no %s %s: create it in the Dockerfile, or start as a uid with --user (in a manifest runAsUser)",
			map[string]string{"user": "passwd", "group": "group"}[found[1]], found[1], found[2])}
	case strings.Contains(text, "port is already allocated"), strings.Contains(text, "address already in use"):
		return fmt.Errorf("a port is taken, by another container or program: free it: %w", err)
	case strings.Contains(text, "network") && strings.Contains(text, "not found"):
		return fmt.Errorf("the engine has no such network: see `docker network ls`: %w", err)
	}
	return err
}
