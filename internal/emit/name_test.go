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

// TestComment: nothing that ends a line, or that a terminal obeys, is left in a comment.
func TestComment(t *testing.T) {
	for s, want := range map[string]string{
		"a\nb": "a b", "\x00\x1f !": "   !", "~\x7f\u0080": "~  ", "\u0084\u0085\u0086\u00a0": "   \u00a0", "\u009b31mred": " 31mred",
		"\u2027\u2028\u2029\u202a": "\u2027  \u202a", "\ufefe\ufeff\uff00": "\ufefe \uff00",
	} {
		if got := comment(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}
