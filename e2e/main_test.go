//go:build engine

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"
)

// suite holds what the tests share: the paths of the project and its binary, and a client of the engine.
type suite struct {
	root   string // of the project
	binary string // podseal, linked statically
	engine *testcontainers.DockerClient
	skip   string // why nothing can be tested here; empty otherwise
}

// shared is set once by TestMain, before any test runs.
var shared suite

// TestMain prepares the suite and, when all tests are done, fails where one of them left an object in the engine.
func TestMain(m *testing.M) {
	code, err := runSuite(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func runSuite(m *testing.M) (int, error) {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "podseal-e2e-*")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	if shared, err = prepare(ctx, dir); err != nil {
		return 1, err
	}
	if shared.skip != "" {
		return m.Run(), nil
	}
	before, err := runsNow(ctx)
	if err != nil {
		return 1, err
	}
	code := m.Run()
	left, err := objectsBut(ctx, before)
	if err != nil {
		return 1, err
	}
	if len(left) > 0 {
		return 1, fmt.Errorf("the suite left in the engine:\n  %s", strings.Join(left, "\n  "))
	}
	return code, nil
}

// prepare builds the binary and the example images. If no engine answers, the suite is skipped; with CI=true that is an
// error instead.
func prepare(ctx context.Context, dir string) (suite, error) {
	root, err := filepath.Abs("..")
	if err != nil {
		return suite{}, err
	}
	s := suite{root: root, binary: filepath.Join(dir, "podseal")}
	if err := dockerEnvironment(); err != nil {
		s.skip = err.Error()
		if os.Getenv("CI") == "true" {
			return s, fmt.Errorf("%s; CI=true does not allow to skip these tests: run scripts/engine.sh", s.skip)
		}
		return s, nil
	}
	log.SetDefault(log.NewNoopLogger())
	if s.engine, err = testcontainers.NewDockerClientWithOpts(ctx); err != nil {
		return s, fmt.Errorf("connecting to the engine: %w", err)
	}
	build := exec.Command(filepath.Join(root, "scripts", "build.sh"), s.binary, runtime.GOOS+"/"+runtime.GOARCH)
	if out, err := build.CombinedOutput(); err != nil {
		return s, fmt.Errorf("building podseal: %w\n%s", err, out)
	}
	if out, err := exec.Command(filepath.Join(root, "scripts", "images.sh")).CombinedOutput(); err != nil {
		return s, fmt.Errorf("building the example images: %w\n%s", err, out)
	}
	return s, nil
}

// dockerEnvironment makes testcontainers use the engine of the docker client, without its helper container, which would
// have to be pulled. It fails if no engine answers.
func dockerEnvironment() error {
	host := os.Getenv("DOCKER_HOST")
	if host == "" {
		out, err := exec.Command("docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}").Output()
		if err != nil {
			return fmt.Errorf("asking the docker client for its engine: %w", err)
		}
		host = strings.TrimSpace(string(out))
	}
	env := map[string]string{"DOCKER_HOST": host, "TESTCONTAINERS_RYUK_DISABLED": "true"}
	if strings.HasPrefix(host, "unix:") {
		env["TESTCONTAINERS_HOST_OVERRIDE"] = "127.0.0.1" // it guesses wrong where /.dockerenv exists
	}
	for name, value := range env {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	if out, err := exec.Command("docker", "version", "--format", "{{.Server.Version}}").CombinedOutput(); err != nil {
		return fmt.Errorf("no Docker engine answers at %s: %s", host, strings.TrimSpace(string(out)))
	}
	return nil
}

// engineOrSkip skips the test, loudly, where there is no engine.
func engineOrSkip(t testing.TB) {
	t.Helper()
	if shared.skip != "" {
		t.Skip("this test needs a Docker engine: " + shared.skip)
	}
}
