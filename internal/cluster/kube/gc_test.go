package kube

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestReasonToKeep: a lease says whether a run is alive; without one, the age does.
func TestReasonToKeep(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, x := range []struct {
		name  string
		lease string
		age   time.Duration
		all   bool
		want  string // a part of the reason; empty: removed
	}{
		{"alive", now.Add(time.Minute).Format(time.RFC3339), 5 * time.Hour, false, "alive"},
		{"alive, but all", now.Add(time.Minute).Format(time.RFC3339), 0, true, ""},
		{"ended", now.Add(-time.Second).Format(time.RFC3339), time.Minute, false, ""},
		{"young, no lease", "", time.Minute, false, "no lease"},
		{"old, no lease", "", 2 * time.Hour, false, ""},
		{"old, broken lease", "yesterday", 2 * time.Hour, false, ""},
	} {
		o := metav1.ObjectMeta{
			CreationTimestamp: metav1.NewTime(now.Add(-x.age)), Labels: map[string]string{LabelRun: "0123456789"},
			Annotations: map[string]string{AnnotationLease: x.lease},
		}
		if got := reasonToKeep(o, now, x.all); (got == "") != (x.want == "") || !strings.Contains(got, x.want) {
			t.Errorf("%s: %q", x.name, got)
		}
	}
}
