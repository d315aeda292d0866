//go:build engine

package podrun

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// TestHostPath mounts a directory of the host, replaces one that a kubelet would create, and refuses one that is missing.
func TestHostPath(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	facts := b.app(nil)
	missing := filepath.Join(t.TempDir(), "new", "state")
	pod := func(v target.Volume) target.Target {
		group := int64(3000)
		v.Name, v.Kind, v.Declared = "state", target.Host, "pod.yaml:7"
		return target.Target{
			Name: "main", Image: facts.Ref, Completes: true, Args: []string{"stat:/state", "write:/state/x=1"},
			Mounts: []target.VolumeMount{{Volume: "state", Path: "/state"}},
			Pod:    &target.Pod{Name: "web", Original: "Pod web", FSGroup: &group, Volumes: []target.Volume{v}},
		}
	}
	logs := func(v target.Volume) string {
		t.Helper()
		c := b.startPod(pod(v), facts, profile.Unrestricted())
		if err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		text, err := c.Logs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	expect(t, logs(target.Volume{Path: missing, Creatable: true}), `
stat:/state: 755 0:0
write:/state/x=1: ok`)
	if _, err := os.Stat(filepath.Dir(missing)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the run created %s (%v)", missing, err)
	}
	var failed *engine.PodError
	_, err := b.Start(t.Context(), pod(target.Volume{Path: missing}), facts, profile.Unrestricted())
	if want := "pod.yaml:7: volume state mounts the host path " + missing + ", which does not exist on the engine's machine"; !errors.As(err, &failed) || failed.What != want {
		t.Errorf("a missing path gives %v", err)
	}
	if err := os.MkdirAll(missing, 0o700); err != nil {
		t.Fatal(err)
	}
	expect(t, logs(target.Volume{Path: missing}), `
stat:/state: 700 0:0
write:/state/x=1: ok`)
	if _, err := os.Stat(filepath.Join(missing, "x")); err != nil {
		t.Error(err)
	}
}

// TestHostAliases adds the pod's names to /etc/hosts of its containers.
func TestHostAliases(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	facts := b.app(nil)
	c := b.startPod(target.Target{
		Name: "main", Image: facts.Ref, Completes: true, Args: []string{"read:/etc/hosts"},
		Pod: &target.Pod{Name: "web", Original: "Pod web", Hosts: []string{"db:127.0.0.1"}},
	}, facts, sealed())
	if err := c.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, err := c.Logs(t.Context())
	if err != nil || !strings.Contains(text, "127.0.0.1\tdb") {
		t.Errorf("/etc/hosts: %q, %v", text, err)
	}
}
