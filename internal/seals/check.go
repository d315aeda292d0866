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
	// SealOnly says that no manifest carries the settings themselves, so that only the seals are checked.
	SealOnly bool
	// Commands are the e2e commands of now; nil for those of the seals, whose files are read again.
	Commands *sealfile.Commands
	Accepted gate.Accepted
	Read     sealfile.ReadFile // for the files of commands
}

// Options say what is checked in addition to the manifests.
type Options struct {
	Policy gate.Policy
	Today  string // YYYY-MM-DD
}

// Check compares all subjects with their seals. The findings are in the order of the subjects.
func Check(subjects []Subject, o Options) (checked []report.CheckedTarget, found []finding.Finding) {
	for _, s := range subjects {
		c := checking{Subject: s, options: o}
		c.run()
		checked, found = append(checked, c.checked...), append(found, c.found...)
	}
	return checked, found
}

// checking is the check of one subject.
type checking struct {
	Subject
	options Options
	checked []report.CheckedTarget
	found   []finding.Finding
}

func (c *checking) run() {
	if c.SealOnly {
		for _, e := range c.Entries {
			name := c.Name
			if name == "" {
				name = e.Title()
			}
			c.checked = append(c.checked, report.CheckedTarget{Name: name, Image: e.Image.Reference, Seal: e.File})
			c.seal(name, e)
		}
		return
	}
	pairs, left := Pair(c.Targets, c.Entries)
	var sealed []gate.Sealed
	for _, p := range pairs {
		name := c.title(p.Target)
		at := report.CheckedTarget{Name: name, Image: p.Target.Container.Image, File: p.Target.Pod.Document.File, Line: p.Target.Container.Line}
		if p.Seal == nil {
			c.checked = append(c.checked, at)
			c.found = append(c.found, gate.Missing(name, p.Target.Pod, p.Target.Container))
			continue
		}
		at.Seal = p.Seal.File
		c.checked = append(c.checked, at)
		container := p.Target.Container
		container.Command = sealfile.HiddenWords(container.Command, p.Seal.Seal.Manifest.Command)
		container.Args = sealfile.HiddenWords(container.Args, p.Seal.Seal.Manifest.Args)
		sealed = append(sealed, gate.Sealed{Target: name, Pod: p.Target.Pod, Container: container, Seal: p.Seal.Seal})
	}
	c.found = append(c.found, gate.Manifests(sealed)...)
	for _, p := range pairs {
		if p.Seal != nil {
			c.seal(c.title(p.Target), *p.Seal)
		}
	}
	for _, e := range left {
		name := c.Name
		if name == "" {
			name = e.Title()
		}
		c.found = append(c.found, gate.Gone(name, e))
	}
}

// seal checks what the seal alone shows.
func (c *checking) seal(name string, e sealfile.Entry) {
	commands := c.Commands
	if commands == nil {
		now := e.Commands.Reread(c.Read)
		commands = &now
	} else {
		now := commands.HiddenAs(e.Seal.Commands)
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
