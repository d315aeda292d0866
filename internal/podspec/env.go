package podspec

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/tree"
)

// envVars returns the variables of a profile as a container has them, sorted by name.
func envVars(env map[string]string) []corev1.EnvVar {
	var out []corev1.EnvVar
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out = append(out, corev1.EnvVar{Name: name, Value: Literal(env[name])})
	}
	return out
}

func envItem(v corev1.EnvVar) tree.Object {
	return tree.Object{{Key: "name", Value: v.Name}, {Key: "value", Value: v.Value}}
}

// Literal protects a value from the expansion of $(NAME), which Kubernetes does in command, args and env and an engine
// does not.
func Literal(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if s[i] == '$' && i+1 < len(s) && (s[i+1] == '$' || s[i+1] == '(') {
			b.WriteByte('$')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// Literals returns words with a doubled dollar sign wherever Kubernetes would expand $(NAME) in command, args or env.
func Literals(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = Literal(w)
	}
	return out
}

// editEnv sets the variables of a profile in a container.
func (d *delta) editEnv(c Container, s Sealed) (tree.Items, error) {
	var edit tree.Items
	for _, want := range envVars(s.Profile.Env) {
		at := -1
		for i, have := range c.Env {
			if have.Name == want.Name {
				at = i // of several variables with one name the last counts
			}
		}
		switch {
		case at < 0:
			edit.Append = append(edit.Append, envItem(want))
		case c.Env[at].ValueFrom != nil:
			return edit, fail(c, "container %s of %s takes %s from elsewhere (valueFrom), but the profile needs it to be %q",
				c.Name, d.pod.Title, want.Name, want.Value)
		case c.Env[at].Value != want.Value:
			edit.Change(at, tree.Object{{Key: "value", Value: want.Value}})
		}
	}
	return edit, nil
}
