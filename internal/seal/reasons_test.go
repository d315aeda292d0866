package seal_test

import (
	"slices"
	"testing"

	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/seal"
)

// checkReasons makes sure that each setting of the profile has one reason, and that no reason or choice is empty. An exception
// stands for the reason of what it gives up.
func checkReasons(t *testing.T, res seal.Result) {
	t.Helper()
	why := map[string]string{}
	for _, r := range res.Reasons {
		if r.Why == "" {
			t.Errorf("%s has an empty reason", r.Field)
		}
		if _, twice := why[r.Field]; twice {
			t.Errorf("%s has two reasons", r.Field)
		}
		why[r.Field] = r.Why
	}
	for _, c := range res.Choices {
		if c.Reason == "" {
			t.Errorf("the choice of %s has no reason", c.Path)
		}
	}
	if res.Verdict == seal.NotTestable {
		return
	}
	for _, field := range settingsOf(res.Profile) {
		if why[field] == "" && !slices.ContainsFunc(res.Exceptions, func(x seal.Exception) bool { return x.Setting == field }) {
			t.Errorf("%s has no reason: %v", field, res.Reasons)
		}
	}
}

// settingsOf returns the settings that a manifest has for a profile, as the fields of their reasons.
func settingsOf(p profile.Profile) []string {
	out := []string{"runAsUser", "runAsGroup", plan.CapabilityField, "seccompProfile"}
	for field, is := range map[string]bool{
		profile.WritableID:   !p.WritableRoot,
		profile.EscalationID: !p.AllowPrivilegeEscalation,
		profile.LowPortsID:   p.LowPorts,
		profile.PingID:       p.Ping,
		profile.FSGroupID:    p.FSGroup != 0,
		plan.WorkingDirField: p.WorkingDir != "",
	} {
		if is {
			out = append(out, field)
		}
	}
	for name := range p.Env {
		out = append(out, "env "+name)
	}
	for _, m := range p.Mounts {
		out = append(out, profile.MountID(m.Path))
		if m.SizeLimit > 0 {
			out = append(out, "sizeLimit "+m.Path)
		}
	}
	return out
}
