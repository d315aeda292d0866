package emit

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	psa "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

// checkPod decodes a manifest as strictly as the API server can, and judges it at the restricted level if asked.
func checkPod(manifest []byte, restricted bool) error {
	var pod corev1.Pod
	if err := yaml.UnmarshalStrict(manifest, &pod); err != nil {
		return fmt.Errorf("decoding it: %w", err)
	}
	if !restricted {
		return nil
	}
	return checkRestricted(&pod)
}

func checkRestricted(pod *corev1.Pod) error {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return fmt.Errorf("preparing the checks of Pod Security: %w", err)
	}
	level := psa.LevelVersion{Level: psa.LevelRestricted, Version: psa.LatestVersion()}
	result := policy.AggregateCheckResults(evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec))
	if !result.Allowed {
		return fmt.Errorf("the restricted level forbids it: %s: %s", result.ForbiddenReason(), result.ForbiddenDetail())
	}
	return nil
}
