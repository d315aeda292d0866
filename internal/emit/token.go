package emit

import (
	"cmp"
	"slices"

	"github.com/podseal/podseal/internal/manifest"
)

const tokenField = "automountServiceAccountToken"

// withoutToken tells whether the pod is to get no service account token. What speaks against it is noted.
func (w *wish) withoutToken() bool {
	s := w.pod.Spec
	if s.AutomountServiceAccountToken != nil || w.pod.Knative() {
		return false
	}
	if account := cmp.Or(s.ServiceAccountName, s.DeprecatedServiceAccount, "default"); account != "default" {
		w.keepToken("the pod names the service account " + account + ", so that it may be meant to use the API")
		return false
	}
	sealed := map[string]bool{}
	why := ""
	for _, e := range w.edits {
		if !e.NoToken {
			if e.TokenWhy != "" {
				w.keepToken(e.TokenWhy)
			}
			return false
		}
		sealed[e.Container], why = true, cmp.Or(why, e.TokenWhy)
	}
	if i := slices.IndexFunc(w.pod.Containers, func(c manifest.Container) bool { return !c.Seed() && !sealed[c.Name] }); i >= 0 {
		w.keepToken("container " + w.pod.Containers[i].Name + " was not run, and may use the API")
		return false
	}
	w.why = map[string]string{tokenField: why}
	return true
}

func (w *wish) keepToken(why string) {
	w.kept = append(w.kept, Change{Action: "kept", Line: w.pod.Document.Line(w.pod.Node), Field: tokenField, Why: why})
}
