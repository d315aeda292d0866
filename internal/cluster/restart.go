package cluster

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Restart implements engine.Container. An observer kills the container as a crash would end it. Kubernetes has no call for
// that: without an observer, podseal names the container's image in another way, at which the kubelet stops the container
// and starts it again over the same mounts. A container that has exited is started by the kubelet anyway.
func (c *running) Restart(ctx context.Context, fresh ...string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("restarting pod %s: %w", c.pod(), context.Cause(ctx))
	}
	if c.precedes() {
		return c.replace(ctx)
	}
	traced := c.tracer.traced()
	if !traced {
		if err := c.inspector.empty(ctx, fresh); err != nil {
			return err
		}
	}
	if c.ended() == nil {
		if err := c.tracer.end(ctx, c.livePod); err != nil {
			return err
		}
	}
	now, err := waitRestarted(ctx, c.livePod)
	if err != nil {
		return asFault(ctx, "restarting", "pod "+c.pod(), err)
	}
	c.mu.Lock()
	c.restarts, c.exit = now, nil
	c.mu.Unlock()
	c.inspector.noteStart()
	c.logs.begin(c.superseded(now))
	if traced { // the application waits for the observer
		if err := c.inspector.empty(ctx, fresh); err != nil {
			return err
		}
	}
	return c.tracer.join(ctx, c.livePod)
}

// waitRestarted waits for the next start of the container, and returns the number of restarts until then.
func waitRestarted(ctx context.Context, c *livePod) (now int32, err error) {
	c.mu.Lock()
	next := c.restarts + 1
	c.mu.Unlock()
	_, err = c.in.watch.Wait(ctx, c.pod(), func(pod *corev1.Pod, deleted bool) (bool, error) {
		if deleted {
			return false, fmt.Errorf("restarting pod %s: it was removed", c.pod())
		}
		s, ok := statusOf(pod, c.made.main)
		now = s.RestartCount
		return ok && now >= next && hasStarted(s, next), nil
	})
	return now, err
}

// replace removes the pod of an init container and creates it again, with empty mounts: a kubelet runs an init container
// again over the same ones only when it makes a new sandbox, which nobody can ask it for.
func (c *running) replace(ctx context.Context) error {
	c.stop()
	if f := c.forward.Load(); f != nil {
		_ = f.Close()
	}
	if err := c.discard(ctx); err != nil {
		return err
	}
	return asFault(ctx, "restarting", "pod "+c.pod(), c.startPod(ctx))
}

// discard removes the pod, and names the next one.
func (c *livePod) discard(ctx context.Context) error {
	old := c.pod()
	if err := c.in.DeletePod(ctx, old, restartGrace); err != nil {
		return err
	}
	c.noteRemoved() // else the new pod would wait for this one to make room
	c.mu.Lock()
	defer c.mu.Unlock()
	c.name, c.restarts, c.exit = old+"-again", 0, nil
	return nil
}

// otherName returns another name of an image than the present one: the one that the pod was made with; the same digest
// behind a tag, which runtimes ignore; or the one that the runtime reports. It returns "" if there is none.
func otherName(present, first, id string) string {
	if present != first {
		return first
	}
	if name, digest, pinned := strings.Cut(first, "@"); pinned {
		if tag := strings.LastIndexByte(name, ':'); tag > strings.LastIndexByte(name, '/') {
			return name[:tag] + "@" + digest
		}
		return name + ":podseal@" + digest
	}
	if _, plain, ok := strings.Cut(id, "://"); ok { // "docker-pullable://..." of older kubelets
		id = plain
	}
	if id == first {
		return ""
	}
	return id
}
