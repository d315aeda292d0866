package emit

import "testing"

func TestName(t *testing.T) {
	for ref, want := range map[string]string{
		"nginx": "nginx", "registry:5000/library/nginx:1.25": "nginx", "corpus/my_app@sha256:00": "my-app", "": "app",
	} {
		if got := Name(ref); got != want {
			t.Errorf("Name(%q) = %q, want %q", ref, got, want)
		}
	}
}
