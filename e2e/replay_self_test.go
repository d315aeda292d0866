//go:build engine

package e2e

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// TestReplay tests the proof itself: it passes for a manifest written by hand, and fails when one needed mount is missing.
func TestReplay(t *testing.T) {
	engineOrSkip(t)
	manifest, err := os.ReadFile("testdata/scratch-by-hand.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const ready = "curl -fs http://$PODSEAL_HOST:$PODSEAL_PORT/healthz"
	pod := decodePod(t, string(manifest))
	mustBeRestricted(t, pod)

	t.Run("right", func(t *testing.T) {
		r := startReplay(t, pod.Spec, 8080)
		r.mustPass(ready, "examples/scratch/e2e.sh")
		r.restart()
		r.mustPass(ready, "examples/scratch/e2e.sh")
	})
	t.Run("without a mount", func(t *testing.T) {
		spec := pod.Spec.DeepCopy()
		c := &spec.Containers[0]
		c.VolumeMounts = slices.DeleteFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == "/tmp" })
		err := startReplay(t, *spec, 8080).try(ready, "examples/scratch/e2e.sh")
		var failed *scriptError
		if !errors.As(err, &failed) || !strings.Contains(failed.output, "read-only file system") {
			t.Errorf("want the script to fail for the read-only /tmp that its temporary file needs, got: %v", err)
		}
	})
}
