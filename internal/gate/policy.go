package gate

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/sealfile"
)

// Policy is what an organisation allows of seals. The zero value allows all.
type Policy struct {
	NoExceptions bool
	NoSeeds      bool     // no mount is filled with the image's content
	MaxMounts    *int     // nil for any number
	NoMountBelow []string // absolute paths: no mount at or below them
}

// PolicyForms are the forms of a rule, for messages and help.
const PolicyForms = "no-exceptions, no-seeds, max-mounts=N or no-mount-below=PATH"

// ParsePolicy reads rules: "no-exceptions", "no-seeds", "max-mounts=3", "no-mount-below=/etc".
func ParsePolicy(rules []string) (p Policy, err error) {
	for _, rule := range rules {
		name, value, valued := strings.Cut(rule, "=")
		switch {
		case name == "no-exceptions" && !valued:
			p.NoExceptions = true
		case name == "no-seeds" && !valued:
			p.NoSeeds = true
		case name == "max-mounts":
			n, err := strconv.Atoi(value)
			if err != nil || n < 0 {
				return p, fmt.Errorf("policy %s: give a number of mounts, as in max-mounts=3", rule)
			}
			p.MaxMounts = &n
		case name == "no-mount-below":
			if !path.IsAbs(value) {
				return p, fmt.Errorf("policy %s: give an absolute path, as in no-mount-below=/etc", rule)
			}
			p.NoMountBelow = append(p.NoMountBelow, path.Clean(value))
		default:
			return p, fmt.Errorf("policy %s: there is no such rule: use %s", rule, PolicyForms)
		}
	}
	return p, nil
}

// Check returns the violations of the policy by a seal.
func (p Policy) Check(target string, e sealfile.Entry) []finding.Finding {
	var out []finding.Finding
	add := func(rule, subject, format string, args ...any) {
		out = append(out, finding.Finding{
			Rule: "policy/" + rule, Level: finding.Error, Target: target, Subject: subject, File: e.File, Line: e.Line,
			Message: fmt.Sprintf(format, args...),
		})
	}
	if p.NoExceptions {
		for _, setting := range exceptionsOf(e.Seal) {
			add("no-exceptions", setting, "the seal has the exception %s, but the policy allows none: %s", setting, fixOf(e.Seal, setting))
		}
	}
	for _, m := range e.Profile.Mounts {
		if p.NoSeeds && m.Kind == profile.Seeded {
			add("no-seeds", profile.MountID(m.Path), "mount %s is seeded with the image's content, but the policy allows no seeds: let the application write elsewhere", m.Path)
		}
		for _, dir := range p.NoMountBelow {
			if profile.Within(m.Path, dir) {
				add("no-mount-below", profile.MountID(m.Path), "mount %s is at or below %s, where the policy allows none: let the application write elsewhere", m.Path, dir)
			}
		}
	}
	if n := len(e.Profile.Mounts); p.MaxMounts != nil && n > *p.MaxMounts {
		add("max-mounts", "mounts", "the seal has %d mounts, but the policy allows at most %d", n, *p.MaxMounts)
	}
	return out
}

// exceptionsOf returns the settings of a seal's exceptions: those of its profile, and those that are no field of it.
func exceptionsOf(s sealfile.Seal) []string {
	out := s.Profile.Exceptions()
	known := map[string]bool{}
	for _, setting := range out {
		known[setting] = true
	}
	for _, x := range s.Exceptions {
		if !known[x.Setting] {
			out = append(out, x.Setting)
		}
	}
	return out
}

// fixOf returns what to change in the image to lose an exception.
func fixOf(s sealfile.Seal, setting string) string {
	for _, x := range s.Exceptions {
		if x.Setting == setting && x.Fix != "" {
			return x.Fix
		}
	}
	return "change the image"
}
