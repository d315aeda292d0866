package probe

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
	"github.com/podseal/podseal/internal/target"
)

// The pause between two tries: first after pollFirst, then twice as long each time, up to pollEvery.
const (
	pollFirst = 10 * time.Millisecond
	pollEvery = 100 * time.Millisecond
)

// Wait repeats the checks until all hold or ctx ends. It returns what the last complete try missed, and "" once all
// checks hold. An error is one of the engine while ctx has not ended.
func Wait(ctx context.Context, checks []Check) (missing string, err error) {
	missing = "no readiness check has answered"
	for pause := pollFirst; ; pause = min(2*pause, pollEvery) {
		what, err := firstMissing(ctx, checks)
		switch {
		case err != nil && ctx.Err() == nil:
			return "", err
		case what == "" && err == nil:
			return "", nil
		case what != "":
			missing = what
		}
		select {
		case <-ctx.Done():
			return missing, nil
		case <-time.After(pause):
		}
	}
}

func firstMissing(ctx context.Context, checks []Check) (string, error) {
	for _, c := range checks {
		if missing, err := c(ctx); missing != "" || err != nil {
			return missing, err
		}
	}
	return "", nil
}

// Checks returns the conditions that the user gave, else the pod's probes, else the image's HEALTHCHECK, else that
// something listens on a port, else that the container runs for a moment. In a pod they all hold once another container
// has ended that should run: a longer wait is in vain.
func Checks(ctx context.Context, s Source) ([]Check, error) {
	out, err := s.conditions(ctx)
	if s.Target.Pod == nil || len(s.Target.Pod.Before)+len(s.Target.Pod.After) == 0 {
		return out, err
	}
	for i, c := range out {
		out[i] = s.untilMemberEnds(c)
	}
	return out, err
}

// untilMemberEnds returns a check that misses nothing once another container of the pod has ended.
func (s Source) untilMemberEnds(c Check) Check {
	return func(ctx context.Context) (string, error) {
		missing, err := c(ctx)
		if missing == "" || err != nil {
			return missing, err
		}
		if st, err := s.Container.State(ctx); err == nil && st.Other != "" {
			return "", nil
		}
		return missing, nil
	}
}

func (s Source) conditions(ctx context.Context) ([]Check, error) {
	out, err := s.given()
	if err != nil || len(out) > 0 {
		return out, err
	}
	if out = s.podChecks(); s.Target.Completes || s.probed() {
		return out, nil
	}
	st, err := s.Container.State(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the container's state: %w", err)
	}
	switch {
	case st.Health != "":
		return append(out, s.healthCheck), nil
	case len(s.Target.Ports) > 0:
		return append(out, s.listenCheck), nil
	default:
		return append(out, s.settleCheck), nil
	}
}

// given returns the conditions of the user.
func (s Source) given() ([]Check, error) {
	want := s.Target.Ready
	var out []Check
	if want.Command != "" {
		out = append(out, s.commandCheck(target.Shell(want.Command, false)))
	}
	if want.HTTP != "" {
		out = append(out, s.httpCheck(want.HTTP))
	}
	if want.Log != "" {
		re, err := regexp.Compile(want.Log)
		if err != nil {
			return nil, fmt.Errorf("--ready-log: %w", err)
		}
		out = append(out, s.logCheck(re))
	}
	if want.Exec != "" {
		out = append(out, s.commandCheck(target.Shell(want.Exec, true)))
	}
	return out, nil
}

func (s Source) logCheck(re *regexp.Regexp) Check {
	return func(ctx context.Context) (string, error) {
		logs, err := s.Container.Logs(ctx)
		if err != nil || re.MatchString(strings.TrimPrefix(logs, s.LogsBefore)) {
			return "", err
		}
		return fmt.Sprintf("no line of the logs matches %q", re), nil
	}
}

func (s Source) commandCheck(cmd target.Command) Check {
	return func(ctx context.Context) (string, error) {
		code, err := s.Command(ctx, cmd)
		if err != nil && cmd.Inside {
			return "", s.unlessEnded(ctx, err)
		}
		if err != nil || code == 0 {
			return "", err
		}
		return fmt.Sprintf("`%s` exited %d", cmd, code), nil
	}
}

func (s Source) httpCheck(path string) Check {
	client := &http.Client{Timeout: probeTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return func(ctx context.Context) (string, error) {
		url := URL(s.Target, s.Container) + "/" + strings.TrimPrefix(path, "/")
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return "", fmt.Errorf("--ready-http %s: %w", path, err)
		}
		resp, err := client.Do(req)
		if err != nil {
			return "no answer to GET " + path, nil //nolint:nilerr // the check waits for an answer
		}
		defer resp.Body.Close()
		if resp.StatusCode >= 400 {
			return fmt.Sprintf("GET %s answers %s", path, resp.Status), nil
		}
		return "", nil
	}
}

func (s Source) healthCheck(ctx context.Context) (string, error) {
	st, err := s.Container.State(ctx)
	if err != nil || st.Health == "healthy" {
		return "", err
	}
	return "its HEALTHCHECK says " + st.Health, nil
}

// listenCheck requires that something in the container listens on one of the target's ports.
func (s Source) listenCheck(ctx context.Context) (string, error) {
	ports, err := s.Container.Listening(ctx)
	if errors.Is(err, engine.ErrCannotInspect) {
		return s.settleCheck(ctx)
	}
	if err != nil {
		return "", s.unlessEnded(ctx, err)
	}
	for _, p := range s.Target.Ports {
		if slices.Contains(ports, p) {
			return "", nil
		}
	}
	if s.Target.Pod != nil && time.Since(s.Began) > siblingTime {
		return "", nil // without a probe, a pod is ready once it runs
	}
	return fmt.Sprintf("nothing listens on port %d", s.Target.Ports[0]), nil
}

func (s Source) settleCheck(context.Context) (string, error) {
	if time.Since(s.Began) < settleTime {
		return "it has not run for " + settleTime.String(), nil
	}
	return "", nil
}

// Published reports the address and the published ports of a container.
type Published interface {
	Host() string
	Ports() map[int]int
}

// URL returns where the first port of the target, or of its pod, is reached.
func URL(t target.Target, c Published) string {
	port := 0
	if ports := Ports(t); len(ports) > 0 {
		port = c.Ports()[ports[0]]
	}
	return fmt.Sprintf("http://%s:%d", c.Host(), port)
}

// Ports returns the container ports that commands learn of: those of the pod, or those of the target.
func Ports(t target.Target) []int {
	if t.Pod != nil && len(t.Pod.Ports) > 0 {
		return t.Pod.Ports
	}
	return t.Ports
}
