package podspec

import (
	"cmp"
	"slices"
)

// tokenField is the pod's field that keeps the service account token away.
const tokenField = "automountServiceAccountToken"

// withoutToken reports whether the pod gets no service account token. A reason against it is recorded.
func (d *delta) withoutToken() bool {
	s := d.pod.Spec
	if s.AutomountServiceAccountToken != nil || d.pod.Limited != "" {
		return false
	}
	if account := cmp.Or(s.ServiceAccountName, s.DeprecatedServiceAccount, "default"); account != "default" {
		d.keepToken("the pod names the service account " + account + ", which may be meant to use the API")
		return false
	}
	why := ""
	for _, s := range d.sealed {
		if !s.NoToken {
			if s.TokenWhy != "" {
				d.keepToken(s.TokenWhy)
			}
			return false
		}
		why = cmp.Or(why, s.TokenWhy)
	}
	unsealed := func(c Container) bool {
		_, sealed := profileOf(d.sealed, c.Name)
		return !c.Seed && !sealed
	}
	if i := slices.IndexFunc(d.pod.Containers, unsealed); i >= 0 {
		d.keepToken("container " + d.pod.Containers[i].Name + " was not run, and may use the API")
		return false
	}
	d.Why = map[string]string{tokenField: why}
	return true
}

func (d *delta) keepToken(why string) {
	d.Kept = append(d.Kept, Kept{Field: tokenField, Why: why})
}
