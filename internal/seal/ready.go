package seal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/target"
)

const (
	pollFirst = 10 * time.Millisecond // after the first look; twice as long after each further one, up to pollEvery
	pollEvery = 100 * time.Millisecond
	aMoment   = time.Second // how long an application without ports and checks must run to count as ready
)

// check is one readiness condition; it tells in a few words what is missing, or "".
type check func(ctx context.Context) (missing string, err error)

// waitReady waits until every readiness condition holds. failure is one sentence when they do not in time, or when the
// container exits.
func (r *oneRun) waitReady(ctx context.Context) (failure string, err error) {
	alive := r.gone
	if r.target.Completes {
		if failure, err := r.completed(ctx); failure != "" || err != nil {
			return failure, err
		}
		alive = ctx
	}
	checks, err := r.checks(ctx)
	if err != nil {
		return "", err
	}
	within, cancel := context.WithTimeout(alive, r.ready)
	defer cancel()
	missing := "no readiness check has answered"
	for pause := pollFirst; ; pause = min(2*pause, pollEvery) {
		what, err := firstMissing(within, checks)
		switch {
		case err != nil && within.Err() == nil:
			return "", err
		case what == "" && err == nil:
			return r.exited(ctx, "before it was ready")
		case what != "":
			missing = what
		}
		select {
		case <-within.Done():
			if failure, err := r.exited(ctx, "before it was ready"); failure != "" || err != nil {
				return failure, err
			}
			if ctx.Err() != nil {
				return "", context.Cause(ctx)
			}
			return fmt.Sprintf("not ready after %s: %s", r.ready.Round(time.Second), missing), nil
		case <-time.After(pause):
		}
	}
}

func firstMissing(ctx context.Context, checks []check) (string, error) {
	for _, c := range checks {
		if missing, err := c(ctx); missing != "" || err != nil {
			return missing, err
		}
	}
	return "", nil
}

// exited is the failure of a container that is not running any more, or "".
func (r *oneRun) exited(ctx context.Context, when string) (string, error) {
	st, err := r.c.State(ctx)
	if err != nil {
		return "", fmt.Errorf("reading the container's state: %w", err)
	}
	if st.Other != "" {
		return fmt.Sprintf("%s %s", st.Other, when), nil
	}
	if st.Running || r.target.Completes && st.Exit.Code == 0 && st.Exit.Error == "" {
		return "", nil
	}
	s := fmt.Sprintf("exited %d %s", st.Exit.Code, when)
	if st.Exit.OOMKilled {
		s = "ran out of memory " + when
	}
	if st.Exit.Error != "" {
		s += ": " + firstLine(st.Exit.Error)
	}
	return s, nil
}

// completed waits for the end of a container that is meant to end, and starts what comes after it in its pod.
func (r *oneRun) completed(ctx context.Context) (failure string, err error) {
	select {
	case <-r.gone.Done():
	case <-time.After(r.ready):
		return fmt.Sprintf("it should run to its end, and had not ended after %s (see --ready-timeout)", r.ready.Round(time.Second)), nil
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if failure, err := r.exited(ctx, "where it should have ended well"); failure != "" || err != nil {
		return failure, err
	}
	err = r.c.Proceed(ctx)
	var pod *engine.PodError
	if errors.As(err, &pod) {
		return pod.Error(), nil
	}
	return "", err
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return s
}

// checks are the conditions that the user gave, else the pod's probes, else the image's HEALTHCHECK, else that something
// listens on a port, else that the container runs for a moment.
func (r *oneRun) checks(ctx context.Context) ([]check, error) {
	want := r.target.Ready
	var out []check
	if want.Command != "" {
		out = append(out, r.commandCheck(target.Shell(want.Command, false)))
	}
	if want.HTTP != "" {
		out = append(out, r.httpCheck(want.HTTP))
	}
	if want.Log != "" {
		re, err := regexp.Compile(want.Log)
		if err != nil {
			return nil, fmt.Errorf("--ready-log: %w", err)
		}
		out = append(out, func(ctx context.Context) (string, error) {
			logs, err := r.c.Logs(ctx)
			if err != nil || re.MatchString(strings.TrimPrefix(logs, r.said)) {
				return "", err
			}
			return fmt.Sprintf("no line of the logs matches %q", want.Log), nil
		})
	}
	if want.Exec != "" {
		out = append(out, r.commandCheck(target.Shell(want.Exec, true)))
	}
	if len(out) > 0 {
		return out, nil
	}
	if out = r.podChecks(); r.target.Completes || r.probed() {
		return out, nil
	}
	st, err := r.c.State(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the container's state: %w", err)
	}
	switch {
	case st.Health != "":
		return append(out, r.healthCheck), nil
	case len(r.target.Ports) > 0:
		return append(out, r.listenCheck), nil
	default:
		return append(out, r.momentCheck), nil
	}
}

func (r *oneRun) commandCheck(cmd target.Command) check {
	return func(ctx context.Context) (string, error) {
		res, err := r.command(ctx, cmd, observe.Start)
		if err != nil && cmd.Inside {
			return "", r.unlessGone(ctx, err)
		}
		if err != nil || res.Code == 0 {
			return "", err
		}
		return fmt.Sprintf("`%s` exited %d", cmd, res.Code), nil
	}
}

func (r *oneRun) httpCheck(path string) check {
	client := &http.Client{Timeout: 5 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return func(ctx context.Context) (string, error) {
		url := r.url() + "/" + strings.TrimPrefix(path, "/")
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return "", fmt.Errorf("--ready-http %s: %w", path, err)
		}
		resp, err := client.Do(req)
		if err != nil {
			return "no answer to GET " + path, nil //nolint:nilerr // no answer yet is what is waited for
		}
		defer resp.Body.Close()
		if resp.StatusCode >= 400 {
			return fmt.Sprintf("GET %s answers %s", path, resp.Status), nil
		}
		return "", nil
	}
}

func (r *oneRun) healthCheck(ctx context.Context) (string, error) {
	st, err := r.c.State(ctx)
	if err != nil || st.Health == "healthy" {
		return "", err
	}
	return "its HEALTHCHECK says " + st.Health, nil
}

// listenCheck looks at what listens inside: a published port accepts connections even when nothing does.
func (r *oneRun) listenCheck(ctx context.Context) (string, error) {
	ports, err := r.c.Listening(ctx)
	if errors.Is(err, engine.ErrCannotLook) {
		return r.momentCheck(ctx)
	}
	if err != nil {
		return "", r.unlessGone(ctx, err)
	}
	for _, p := range r.target.Ports {
		if slices.Contains(ports, p) {
			return "", nil
		}
	}
	if r.target.Pod != nil && time.Since(r.began) > besideTime {
		return "", nil // without a probe, a pod is ready once it runs
	}
	return fmt.Sprintf("nothing listens on port %d", r.target.Ports[0]), nil
}

func (r *oneRun) momentCheck(context.Context) (string, error) {
	if time.Since(r.began) < aMoment {
		return "it has not run for " + aMoment.String(), nil
	}
	return "", nil
}
