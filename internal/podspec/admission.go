package podspec

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	psa "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// CheckRestricted returns an error if the restricted level of Pod Security forbids a pod.
func CheckRestricted(pod *corev1.Pod) error {
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
