package gate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/sealfile"
)

// Again returns what is new in a result against the seal of an earlier one. at has the target and the place of the findings.
func Again(at finding.Finding, e sealfile.Entry, res seal.Result) []finding.Finding {
	a := again{at: at, seal: e.Seal, res: res}
	a.image()
	switch {
	case res.Verdict == seal.NotTestable:
		a.add(finding.NotTestable, "commands", "the e2e commands fail without a seal now: "+res.Why)
		return a.found
	case res.Seal == nil:
		a.add(finding.NotSealable, "profile", "it cannot be sealed any more: "+res.Why)
	default:
		a.user()
		a.relaxations()
		a.exceptions()
		a.ports()
	}
	a.writes()
	return a.found
}

// again collects what is new.
type again struct {
	at    finding.Finding
	seal  sealfile.Seal
	res   seal.Result
	found []finding.Finding
}

func (a *again) add(rule, subject, message string) {
	f := a.at
	f.Rule, f.Level, f.Subject, f.Message = rule, finding.Error, subject, message
	a.found = append(a.found, f)
}

// image notes another image under the same name: it is the one that was proved again.
func (a *again) image() {
	_, now, _ := strings.Cut(a.res.Image.Digest, "@")
	if before := a.seal.Image.Digest; now != "" && before != "" && now != before {
		a.add(finding.Digest, "image", fmt.Sprintf("%s is %s now, and was %s when the seal was made: the findings are about the new image; seal it", a.res.Target.Image, now, before))
	} else if id := a.seal.Image.ID; (now == "" || before == "") && id != "" && a.res.Image.ID != id {
		a.add(finding.Digest, "image", fmt.Sprintf("%s is another image now than when the seal was made: the findings are about the new image; seal it", a.res.Target.Image))
	}
	for i := range a.found {
		a.found[i].Level = finding.Warning
	}
}

func (a *again) user() {
	now, before := a.res.Profile.User, a.seal.Profile.User
	if now.UID == before.UID && now.GID == before.GID && slices.Equal(now.Groups, before.Groups) {
		return
	}
	a.add(finding.NewUser, "runAsUser", fmt.Sprintf("it needs to run as %s now, where the seal proves %s: %s", userText(now), userText(before), a.why("runAsUser")))
}

func userText(u profile.User) string {
	s := fmt.Sprintf("%d:%d", u.UID, u.GID)
	if len(u.Groups) > 0 {
		s += " with groups " + listed(u.Groups)
	}
	return s
}

// relaxations reports the steps away from the full seal that the seal does not have: mounts first.
func (a *again) relaxations() {
	before := map[string]bool{}
	for _, r := range a.seal.Profile.Relaxations() {
		before[r.ID] = true
	}
	for _, r := range a.res.Profile.Relaxations() {
		if before[r.ID] || r.Exception || r.ID == profile.LowPortsID && len(a.seal.NewPorts(a.res)) > 0 {
			continue // reported by others
		}
		if r.Kind != profile.MountStep && r.Path != "" && !before[profile.MountID(r.Path)] {
			continue // the mount itself is new
		}
		a.add(finding.NewMount, r.ID, fmt.Sprintf("it needs %s now, which the seal does not have: %s", relaxationText(r), a.needText(r)))
	}
}

func relaxationText(r profile.Relaxation) string {
	switch r.Kind {
	case profile.MountStep:
		return "the mount " + r.Path
	case profile.OwnedStep:
		return "to own the mount " + r.Path
	case profile.SeededStep:
		return "the image's content in the mount " + r.Path
	case profile.MemoryStep:
		return "the mount " + r.Path + " in memory"
	}
	return r.ID
}

// needText says what showed the need of a relaxation: who wrote, else its proof or its reason.
func (a *again) needText(r profile.Relaxation) string {
	for _, c := range a.res.Choices {
		if r.Path != "" && profile.Within(c.Path, r.Path) {
			for _, e := range c.Evidence {
				if len(e.Writers) > 0 {
					return writeText(e)
				}
			}
		}
	}
	for _, p := range a.res.Proofs {
		if p.Relaxation == r.ID {
			return p.Text
		}
	}
	return a.why("mount " + r.Path)
}

// why returns the reason for a field of the new profile.
func (a *again) why(field string) string {
	for _, r := range a.res.Reasons {
		if r.Field == field {
			return r.Why
		}
	}
	return "seal again"
}

func (a *again) exceptions() {
	for _, x := range a.res.Exceptions {
		if !slices.Contains(exceptionsOf(a.seal), x.Setting) {
			a.add(finding.NewException, x.Setting, fmt.Sprintf("it needs the exception %s now, which the seal does not have: %s; %s", x.Setting, x.Why, x.Fix))
		}
	}
}

func (a *again) ports() {
	for _, p := range a.seal.NewPorts(a.res) {
		a.add(finding.NewPort, fmt.Sprint(p), fmt.Sprintf("it listens on port %d now, which it did not when the seal was made: seal again, or change the image", p))
	}
}

// writes reports the new writes, but those in a folder that a new mount makes writable: the first one of each stands for all.
func (a *again) writes() {
	named := map[string]bool{}
	for _, e := range a.seal.NewWrites(a.res) {
		if m, ok := a.res.Profile.Covering(e.Path); ok {
			if named[m.Path] {
				continue
			}
			named[m.Path] = true
		}
		a.add(finding.NewWrite, e.Path, writeText(e)+", which it did not when the seal was made: seal again, or change the image")
	}
}

// writeText says who wrote what and when: "nginx (uid 101) writes /run/x at its start".
func writeText(e diff.Evidence) string {
	who := "it"
	if len(e.Writers) > 0 {
		var names []string
		for _, w := range e.Writers {
			name := w.String()
			if w.Exec {
				name += " of an e2e command"
			}
			names = append(names, name)
		}
		who = strings.Join(slices.Compact(names), ", ")
	}
	does := "writes"
	if e.Outcome == observe.Denied {
		does = "is refused to write"
	}
	return fmt.Sprintf("%s %s %s %s", who, does, e.Path, sealfile.Phase(e.Phase))
}
