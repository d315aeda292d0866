//go:build engine

package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
)

// TestDiff explains a container that podseal did not start.
func TestDiff(t *testing.T) {
	engineOrSkip(t)
	c, err := testcontainers.Run(t.Context(), "podseal-example/nginx:latest",
		testcontainers.WithExposedPorts("80/tcp"), testcontainers.WithWaitStrategy(wait.ForHTTP("/").WithPort("80/tcp")))
	t.Cleanup(func() { _ = c.Terminate(context.Background()) })
	if err != nil {
		t.Fatal(err)
	}
	got := podseal(t, "diff", c.GetContainerID())
	got.mustExit(t, 0)
	for _, want := range []string{"/run  ", "/var/cache/nginx ", "a seeded mount", "Not shown by docker diff"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("no %q in:\n%s", want, got.stdout)
		}
	}
	missing := podseal(t, "diff", "no-such-container")
	missing.mustExit(t, 2)
	missing.mustNotCrash(t)
}
