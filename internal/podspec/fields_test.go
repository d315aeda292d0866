package podspec

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/tree"
)

// TestFullSecurity: a seccomp profile on the node is kept, any other is replaced by the runtime's default. A privileged
// container says that it no longer is one.
func TestFullSecurity(t *testing.T) {
	file, yes, no := "profiles/app.json", true, false
	seccomp := func(kind corev1.SeccompProfileType, at *string) *corev1.SecurityContext {
		return &corev1.SecurityContext{SeccompProfile: &corev1.SeccompProfile{Type: kind, LocalhostProfile: at}}
	}
	const usual = "[{type RuntimeDefault}]"
	for _, c := range []struct {
		name       string
		have       *corev1.SecurityContext
		seccomp    string
		privileged any
	}{
		{"none", nil, usual, nil},
		{"empty", &corev1.SecurityContext{}, usual, nil},
		{"unconfined", seccomp(corev1.SeccompProfileTypeUnconfined, nil), usual, nil},
		{"on the node", seccomp(corev1.SeccompProfileTypeLocalhost, &file), "[{type Localhost} {localhostProfile profiles/app.json}]", nil},
		{"privileged", &corev1.SecurityContext{Privileged: &yes}, usual, false},
		{"not privileged", &corev1.SecurityContext{Privileged: &no}, usual, nil},
	} {
		got := map[string]any{}
		for _, f := range FullSecurity(profile.Profile{User: profile.User{UID: 5, GID: 6}}, c.have) {
			if _, twice := got[f.Key]; twice {
				t.Errorf("%s: %s is there twice", c.name, f.Key)
			}
			got[f.Key] = f.Value
		}
		context, _ := got["seccompProfile"].(tree.Object)
		if s := fmt.Sprint(context); s != c.seccomp || got["privileged"] != c.privileged || got["runAsNonRoot"] != true || got["runAsUser"] != int64(5) {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
