package survey

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func TestSearched(t *testing.T) {
	for name, want := range map[string]bool{".": true, "src": true, "node_modules": false, "vendor": false, ".git": false} {
		if got := searched(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestKindsOfFiles(t *testing.T) {
	for name, want := range map[string]string{
		"Dockerfile": "dockerfile", "a/Dockerfile.dev": "dockerfile", "containerfile": "dockerfile", "web.Dockerfile": "dockerfile",
		"web.yaml": "yaml", "WEB.YML": "yaml", "my-dockerfile.txt": "", "yaml": "",
	} {
		got := ""
		if isDockerfile(name) {
			got = "dockerfile"
		}
		if isYAML(name) {
			got += "yaml"
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestArgument: a path that does not exist is no image, and an engine that cannot be reached is asked once.
func TestArgument(t *testing.T) {
	unreachable := errors.New("no engine")
	asked := 0
	opts := Options{From: "engine", Connect: func(context.Context) (Engine, error) { asked++; return nil, unreachable }}
	s := &survey{opts: opts}
	for range 2 {
		if err := s.argument(t.Context(), "web:1"); !errors.Is(err, unreachable) {
			t.Errorf("the error is %v", err)
		}
	}
	if asked != 1 {
		t.Errorf("the engine was asked %d times", asked)
	}
	missing := []string{filepath.Join(t.TempDir(), "none"), "./none", "Dockerfile", "shop/Dockerfile.prod", "deploy.yaml", "shop/pod.yml", "shop.tar", "pod.json"}
	for _, missing := range missing {
		_, err := Advise(t.Context(), missing, Options{Connect: opts.Connect})
		if input := new(InputError); !errors.As(err, &input) || !strings.HasPrefix(err.Error(), "no such file: ") {
			t.Errorf("%s: %v", missing, err)
		}
	}
}

// TestFailed: a failure is recorded in one line without the name, unless the whole survey has ended.
func TestFailed(t *testing.T) {
	s := &survey{}
	if err := s.failed(t.Context(), "web", errors.New("web: line 1\n  line 2")); err != nil || len(s.outcome.Failed) != 1 || s.outcome.Failed[0].Why != "line 1 line 2" {
		t.Errorf("%v %+v", err, s.outcome.Failed)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.failed(ctx, "web", context.Canceled); !errors.Is(err, context.Canceled) || len(s.outcome.Failed) != 1 {
		t.Errorf("interrupted: %v %+v", err, s.outcome.Failed)
	}
}
