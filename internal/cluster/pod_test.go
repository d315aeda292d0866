package cluster

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/cluster/clustertest"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/podspec"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/tree"
)

// TestPodIsTheOneThatIsEmitted: the pod of a sealed run has the security settings, mounts, init containers and variables of
// the manifest that podseal writes for an image.
func TestPodIsTheOneThatIsEmitted(t *testing.T) {
	t.Parallel()
	user := profile.Profile{User: profile.User{UID: 1000, GID: 2000, Groups: []int64{3000}}}
	for name, p := range map[string]profile.Profile{
		"plain":      user.WithMount(profile.Mount{Path: "/run", Kind: profile.Plain}),
		"memory":     user.WithMount(profile.Mount{Path: "/tmp", Kind: profile.Plain, Medium: profile.Memory}),
		"seeds":      user.WithMount(profile.Mount{Path: "/etc/app", Kind: profile.Seeded}).WithMount(profile.Mount{Path: "/data", Kind: profile.Owned, Private: true}),
		"seed image": {User: user.User, Seeding: profile.Seeding{Image: "busybox", ImageVolume: true}, Mounts: []profile.Mount{{Path: "/conf", Kind: profile.Seeded}}},
		"pod fields": {User: user.User, LowPorts: true, Ping: true, FSGroup: 2000},
		"exceptions": {WritableRoot: true, AllowPrivilegeEscalation: true, AddCapabilities: []string{"CHOWN"}},
		"process":    {User: user.User, WorkingDir: "/work", Env: map[string]string{"HOME": "/run/$(x)"}},
	} {
		how := target.Target{Image: "example.com/app:1", Env: []target.EnvVar{{Name: "A", Value: "$(B) $C"}, {Name: "A", Value: "2"}}, Args: []string{"$(x)"}}
		facts := image.Facts{Ref: "example.com/app:1", Config: &v1.ConfigFile{}}
		written, err := podspec.New(podspec.Image{Name: mainName, Ref: facts.Ref, Target: how, Facts: facts, Profile: p})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := corev1.PodSpec{}
		for _, f := range written {
			if f.Key == "spec" {
				if err := recode(tree.Apply(nil, f.Value, tree.Deviations{}), &want); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
		}
		made, err := podOf(request{name: "run-1", target: how, facts: facts, profile: p})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(ofManifest(want), ofManifest(made.pod.Spec)); diff != "" {
			t.Errorf("%s: -emitted +run:\n%s", name, diff)
		}
	}
}

// ofManifest returns a pod without the fields that only runs have, and those that repeat the pod's.
func ofManifest(spec corev1.PodSpec) corev1.PodSpec {
	spec.RestartPolicy, spec.TerminationGracePeriodSeconds = "", nil
	for _, list := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range list {
			list[i].ImagePullPolicy = ""
			if c := list[i].SecurityContext; c != nil && c.RunAsNonRoot != nil && spec.SecurityContext.RunAsNonRoot != nil {
				c.RunAsNonRoot = nil // the pod's own counts
			}
		}
	}
	return spec
}

// TestOpenPod: the pod of the open run has no setting but those that Docker gives every container.
func TestOpenPod(t *testing.T) {
	t.Parallel()
	facts := image.Facts{Ref: "app", Digest: "example.com/app@sha256:0", Config: &v1.ConfigFile{}}
	made, err := podOf(request{name: "run-1", target: target.Target{Image: "app"}, facts: facts, profile: profile.Unrestricted()})
	if err != nil {
		t.Fatal(err)
	}
	want := corev1.PodSpec{
		Containers:                   []corev1.Container{{Name: mainName, Image: facts.Digest}},
		SecurityContext:              &corev1.PodSecurityContext{Sysctls: podspec.Sysctls(true, true)},
		AutomountServiceAccountToken: made.pod.Spec.AutomountServiceAccountToken,
	}
	if diff := cmp.Diff(want, ofManifest(made.pod.Spec)); diff != "" {
		t.Error(diff)
	}
}

func TestOtherName(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ present, first, id, want string }{
		{"app:1", "app:1", "docker.io/library/app@sha256:1", "docker.io/library/app@sha256:1"},
		{"app:1", "app:1", "docker-pullable://app@sha256:1", "app@sha256:1"},
		{"app:1", "app:1", "sha256:1", "sha256:1"},
		{"sha256:1", "app:1", "sha256:1", "app:1"},
		{"app:1", "app:1", "", ""},
		{"x:5000/app@sha256:1", "x:5000/app@sha256:1", "x:5000/app@sha256:1", "x:5000/app:podseal@sha256:1"},
		{"x:5000/app:podseal@sha256:1", "x:5000/app@sha256:1", "", "x:5000/app@sha256:1"},
		{"x:5000/app:1@sha256:1", "x:5000/app:1@sha256:1", "", "x:5000/app@sha256:1"},
	} {
		if got := otherName(tt.present, tt.first, tt.id); got != tt.want {
			t.Errorf("otherName(%q, %q, %q) = %q, want %q", tt.present, tt.first, tt.id, got, tt.want)
		}
	}
}

// TestPodNames: the pods of two engines have different names, since both may run in one existing namespace, and their hosts have
// names that no application uses for anything else.
func TestPodNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := map[string]bool{}
		for range 2 {
			e, _ := simulated(t, clustertest.Options{Nodes: 1, Pods: 1})
			c, err := e.Start(t.Context(), simulatedTarget, simulatedFacts, profile.Unrestricted())
			if err != nil {
				t.Fatal(err)
			}
			s, err := c.State(t.Context())
			if err != nil || s.Hostname != c.ID() || seen[c.ID()] || !strings.Contains(c.ID(), e.RunID()) {
				t.Errorf("pod %s has the host %s, %v", c.ID(), s.Hostname, err)
			}
			seen[c.ID()] = true
			_ = c.Remove(t.Context())
		}
	})
}
