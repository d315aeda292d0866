package podspec

import (
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	psa "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// evaluator returns the checks of Pod Security.
var evaluator = sync.OnceValues(func() (policy.Evaluator, error) { return policy.NewEvaluator(policy.DefaultChecks(), nil) })

// CheckRestricted returns an error if the restricted level of Pod Security forbids a pod.
func CheckRestricted(pod *corev1.Pod) error { return check(pod, psa.LevelRestricted) }

// CheckBaseline returns an error if the baseline level of Pod Security forbids a pod.
func CheckBaseline(pod *corev1.Pod) error { return check(pod, psa.LevelBaseline) }

func check(pod *corev1.Pod, named psa.Level) error {
	checks, err := evaluator()
	if err != nil {
		return fmt.Errorf("preparing the checks of Pod Security: %w", err)
	}
	level := psa.LevelVersion{Level: named, Version: psa.LatestVersion()}
	result := policy.AggregateCheckResults(checks.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec))
	if !result.Allowed {
		return fmt.Errorf("the %s level forbids it: %s: %s", named, result.ForbiddenReason(), result.ForbiddenDetail())
	}
	return nil
}
