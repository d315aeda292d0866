package cluster

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/trace"
	"k8s.io/client-go/tools/remotecommand"
)

// execFailure is a command that could not be executed in a container.
type execFailure struct {
	code int
	text string
}

// Error returns the runtime's message.
func (e *execFailure) Error() string { return e.text }

// The messages of runtimes about such commands: runc's and crun's.
var (
	notExecuted = regexp.MustCompile(`exec failed|executable file .*not found|no such file or directory|permission denied`)
	missing     = regexp.MustCompile(`not found|no such file or directory`)
	// absent is what a runtime says that has searched the files of a running container.
	absent = regexp.MustCompile(`executable file .*not found in \$PATH`)
)

// statusTime is how long a kubelet may take to report that a container has exited.
const statusTime = 3 * time.Second

// execTo runs a command in a container of the pod; an empty name means the target's.
func (c *livePod) execTo(ctx context.Context, container string, argv []string, streams remotecommand.StreamOptions) (int, error) {
	if container == "" {
		container = c.made.main
	}
	code, err := c.in.ExecTo(ctx, c.pod(), container, argv, streams)
	if err == nil || ctx.Err() != nil || !absent.MatchString(err.Error()) && c.endsSoon(ctx) {
		return code, err
	}
	if text := err.Error(); notExecuted.MatchString(text) {
		failed := &execFailure{code: commandRefused, text: text}
		if missing.MatchString(text) {
			failed.code = commandNotFound
		}
		return failed.code, failed
	}
	return code, err
}

// endsSoon reports whether the container has exited, or the kubelet says so a moment later.
func (c *livePod) endsSoon(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, statusTime)
	defer cancel()
	return c.Wait(ctx) == nil
}

func (c *livePod) execIn(ctx context.Context, container string, argv []string) (int, string, error) {
	if err := ctx.Err(); err != nil {
		return 0, "", fmt.Errorf("executing a command in pod %s: %w", c.pod(), context.Cause(ctx))
	}
	out := kube.NewTail(kube.MaxOutput)
	code, err := c.execTo(ctx, container, argv, remotecommand.StreamOptions{Stdout: out, Stderr: out})
	if failed := new(execFailure); errors.As(err, &failed) {
		return failed.code, trace.ExplainExec(failed.code, failed.text), nil
	}
	return code, trace.ExplainExec(code, out.String()), err
}
