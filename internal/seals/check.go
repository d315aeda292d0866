package seals

import (
	"path/filepath"

	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/gate"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/sealfile"
)

// GCPercent is how much garbage a process should let grow while it checks, as debug.SetGCPercent takes it: most of what is read
// lives to the end.
const GCPercent = 400

// Subject is one target of a check: containers of manifests with the seals that are to prove them.
type Subject struct {
	Name    string // in podseal.yaml; empty: the containers are named by their objects
	Targets []manifest.Target
	Entries []sealfile.Entry
	// Pairs are the targets with their seals, where they are known; nil: see Pair.
	Pairs []Match
	// SealOnly says that no manifest carries the settings themselves, so that only the seals are checked.
	SealOnly bool
	// Commands are the e2e commands of now; nil for those of the seals, whose files are read again.
	Commands *sealfile.Commands
	Accepted gate.Accepted
	Read     sealfile.ReadFile // for the files of commands
}

// pairs returns the targets with their seals, and the seals that belong to none.
func (s Subject) pairs() ([]Match, []sealfile.Entry) {
	if s.Pairs != nil {
		return s.Pairs, nil
	}
	return Pair(s.Targets, s.Entries)
}

// Options say what is checked in addition to the manifests.
type Options struct {
	Policy gate.Policy
	Today  string // YYYY-MM-DD
}

// Check compares all subjects with their seals. The findings are in the order of the subjects. Subjects may have containers of
// one pod, which are compared together: they share its groups and sysctls.
func Check(subjects []Subject, o Options) (checked []report.CheckedTarget, found []finding.Finding) {
	all := make([]checking, len(subjects))
	var sealed []gate.Sealed
	for i, s := range subjects {
		all[i] = checking{Subject: s, options: o}
		all[i].pair()
		sealed = append(sealed, all[i].sealed...)
	}
	differences := map[string][]finding.Finding{}
	for _, f := range gate.Manifests(byPods(sealed)) {
		differences[f.Target] = append(differences[f.Target], f)
	}
	for _, c := range all {
		c.findings(differences)
		checked, found = append(checked, c.checked...), append(found, c.found...)
	}
	return checked, found
}

// byPods returns containers with those of each pod together, in the order of the first of each.
func byPods(all []gate.Sealed) []gate.Sealed {
	var pods []*manifest.Pod
	members := map[*manifest.Pod][]gate.Sealed{}
	for _, s := range all {
		if members[s.Pod] == nil {
			pods = append(pods, s.Pod)
		}
		members[s.Pod] = append(members[s.Pod], s)
	}
	out := make([]gate.Sealed, 0, len(all))
	for _, p := range pods {
		out = append(out, members[p]...)
	}
	return out
}

// checking is the check of one subject.
type checking struct {
	Subject
	options Options
	checked []report.CheckedTarget
	found   []finding.Finding
	sealed  []gate.Sealed
	matches []Match
	left    []sealfile.Entry
}

// pair finds the seals of the containers.
func (c *checking) pair() {
	if c.SealOnly {
		for _, e := range c.Entries {
			c.checked = append(c.checked, report.CheckedTarget{Name: c.entryName(e), Image: e.Image.Reference, Seal: e.Source()})
		}
		return
	}
	c.matches, c.left = c.pairs()
	for _, p := range c.matches {
		name := c.title(p.Target)
		at := report.CheckedTarget{Name: name, Image: p.Target.Container.Image, File: p.Target.Pod.Document.File, Line: p.Target.Container.Line}
		if p.Seal != nil {
			at.Seal = p.Seal.Source()
			c.sealed = append(c.sealed, gate.Sealed{Target: name, Pod: p.Target.Pod, Container: hidden(p.Target.Container, p.Seal.Manifest), Seal: p.Seal.Seal, Resolved: p.Seal.Attached != ""})
		}
		c.checked = append(c.checked, at)
	}
}

// hidden returns a container with its command hidden as in its seal, whose secrets a check does not know.
func hidden(c manifest.Container, recorded sealfile.Manifest) manifest.Container {
	c.Command = sealfile.HiddenWords(c.Command, recorded.Command)
	c.Args = sealfile.HiddenWords(c.Args, recorded.Args)
	return c
}

// findings collects the findings of the subject: first those of the manifests, by the names of the containers.
func (c *checking) findings(differences map[string][]finding.Finding) {
	if c.SealOnly {
		for _, e := range c.Entries {
			c.seal(c.entryName(e), e)
		}
		return
	}
	for _, p := range c.matches {
		name := c.title(p.Target)
		if p.Seal == nil {
			c.found = append(c.found, gate.Missing(name, p.Target.Pod, p.Target.Container))
		}
		c.found = append(c.found, differences[name]...)
		delete(differences, name)
	}
	for _, p := range c.matches {
		if p.Seal != nil {
			c.seal(c.title(p.Target), *p.Seal)
		}
	}
	for _, e := range c.left {
		c.found = append(c.found, gate.Gone(c.entryName(e), e))
	}
}

// entryName names a seal for findings.
func (c *checking) entryName(e sealfile.Entry) string {
	if c.Name != "" {
		return c.Name
	}
	return e.Title()
}

// seal checks what the seal alone shows.
func (c *checking) seal(name string, e sealfile.Entry) {
	commands := c.Commands
	if commands == nil {
		now := e.Commands.Reread(c.Read)
		commands = &now
	} else {
		now := commands.HiddenAs(e.Commands)
		commands = &now
	}
	c.found = append(c.found, gate.Commands(name, e, *commands)...)
	c.found = append(c.found, gate.Exceptions(name, e, c.Accepted, c.options.Today)...)
	c.found = append(c.found, c.options.Policy.Check(name, e)...)
}

// title names a container for findings.
func (c *checking) title(t manifest.Target) string {
	switch {
	case c.Name == "":
		return t.Pod.String() + "/" + t.Container.Name
	case len(c.Targets) > 1:
		return c.Name + "/" + t.Container.Name
	}
	return c.Name
}

// Slashed returns the findings with slashes in the names of their files.
func Slashed(found []finding.Finding) []finding.Finding {
	for i := range found {
		found[i].File = filepath.ToSlash(found[i].File)
	}
	return found
}
