//go:build engine

package e2e

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	psaapi "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

// decodePod decodes a manifest strictly: a field that Kubernetes does not know is an error.
func decodePod(t *testing.T, manifest string) corev1.Pod {
	t.Helper()
	var pod corev1.Pod
	if err := yaml.UnmarshalStrict([]byte(manifest), &pod); err != nil {
		t.Fatalf("the manifest is not a valid pod: %v\n%s", err, manifest)
	}
	if pod.Kind != "Pod" || pod.APIVersion != "v1" || len(pod.Spec.Containers) != 1 {
		t.Fatalf("want one v1 Pod with one container:\n%s", manifest)
	}
	return pod
}

// mustBeRestricted asks the evaluator that clusters use whether the pod is allowed by the level "restricted".
func mustBeRestricted(t *testing.T, pod corev1.Pod) {
	t.Helper()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	level := psaapi.LevelVersion{Level: psaapi.LevelRestricted, Version: psaapi.LatestVersion()}
	if got := policy.AggregateCheckResults(evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec)); !got.Allowed {
		t.Errorf("the level restricted forbids the pod: %s", got.ForbiddenDetail())
	}
}

// mustBeSealed checks the fields that every sealed container has.
func mustBeSealed(t *testing.T, c corev1.Container) {
	t.Helper()
	sc := c.SecurityContext
	switch {
	case sc == nil:
		t.Fatalf("container %s has no securityContext", c.Name)
	case sc.ReadOnlyRootFilesystem == nil || !*sc.ReadOnlyRootFilesystem:
		t.Errorf("container %s: readOnlyRootFilesystem is not true", c.Name)
	case sc.AllowPrivilegeEscalation == nil || *sc.AllowPrivilegeEscalation:
		t.Errorf("container %s: allowPrivilegeEscalation is not false", c.Name)
	case sc.Capabilities == nil || !slices.Equal(sc.Capabilities.Drop, []corev1.Capability{"ALL"}):
		t.Errorf("container %s does not drop all capabilities", c.Name)
	}
}

// writable lists the paths that a container can write to, sorted.
func writable(c corev1.Container) []string {
	var out []string
	for _, m := range c.VolumeMounts {
		if !m.ReadOnly {
			out = append(out, m.MountPath)
		}
	}
	slices.Sort(out)
	return out
}
