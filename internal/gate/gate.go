// Package gate checks, without an engine, whether manifests still carry what seals prove: a pure comparison of pods with seal
// files, and the policies for seals. Its results are findings.
package gate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/sealfile"
)

// Sealed is a container of a manifest with the seal that is to prove it.
type Sealed struct {
	Target    string // the name for findings
	Pod       *manifest.Pod
	Container manifest.Container
	Seal      sealfile.Seal
	// Resolved says that the image's registry was asked which image it is now, and that the seal is one of this image.
	Resolved bool
}

// Manifests compares the containers of manifests with their seals. The containers of one pod must be given together: they
// share its groups and sysctls. The findings are in the order of the containers, and of the fields of each.
func Manifests(all []Sealed) []finding.Finding {
	var out []finding.Finding
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].Pod == all[0].Pod {
			n++
		}
		for _, s := range all[:n] {
			c := comparison{Sealed: s, peers: all[:n]}
			c.image()
			c.container()
			out = append(out, c.findings...)
		}
		c := comparison{Sealed: all[0]}
		c.pod(all[:n])
		out = append(out, c.findings...)
		all = all[n:]
	}
	return out
}

// Missing returns the finding of a container that no seal proves.
func Missing(target string, pod *manifest.Pod, c manifest.Container) finding.Finding {
	at := nodePlace(pod, c.Node)
	return finding.Finding{
		Rule: finding.MissingSeal, Level: finding.Error, Target: target, Subject: c.Name, File: pod.Document.File, Line: at.line, Column: at.column,
		Message: fmt.Sprintf("container %s of %s has no seal: prove it with podseal run --seal", c.Name, pod),
	}
}

// Gone returns the finding of a seal whose container the manifests do not have.
func Gone(target string, e sealfile.Entry) finding.Finding {
	return finding.Finding{
		Rule: finding.Manifest, Level: finding.Error, Target: target, Subject: e.Title(), File: e.File, Line: e.Line,
		Message: fmt.Sprintf("the manifest has no container for the seal of %s: remove the seal, or seal again", e.Title()),
	}
}

// comparison collects the differences between one container and its seal.
type comparison struct {
	Sealed
	peers    []Sealed // the sealed containers of the pod
	findings []finding.Finding
}

// restore says what to do about a difference.
const restore = "restore it, or seal again"

// report adds a difference of the manifest.
func (c *comparison) report(at place, subject, format string, args ...any) {
	c.add(finding.Error, finding.Manifest, at, subject, fmt.Sprintf(format, args...)+": "+restore)
}

func (c *comparison) add(level finding.Level, rule string, at place, subject, message string) {
	c.findings = append(c.findings, finding.Finding{
		Rule: rule, Level: level, Target: c.Target, Subject: subject, Message: message,
		File: c.Pod.Document.File, Line: at.line, Column: at.column,
	})
}

// differs adds a difference between a value of the manifest and that of the seal, if there is one. An empty value is none.
func (c *comparison) differs(at func() place, subject, have, want string) {
	if have == want {
		return
	}
	proved := want
	if want == "" {
		proved = "it unset"
	}
	if have == "" {
		have = "not set"
	}
	c.report(at(), subject, "%s is %s, but the seal proves %s", subject, have, proved)
}

// container compares everything that belongs to the container alone.
func (c *comparison) container() {
	c.security(c.Container, "")
	c.settings()
	c.mounts()
}

// settings compares command, arguments, working directory and the variables of the profile.
func (c *comparison) settings() {
	recorded, p := c.Seal.Manifest, c.Seal.Profile
	words := func(list []string) string {
		if len(list) == 0 {
			return ""
		}
		return fmt.Sprintf("%q", list)
	}
	c.differs(c.at("command"), "command", words(c.Container.Command), words(recorded.Command))
	c.differs(c.at("args"), "args", words(c.Container.Args), words(recorded.Args))
	dir := recorded.WorkingDir
	if p.WorkingDir != "" {
		dir = p.WorkingDir
	}
	c.differs(c.at("workingDir"), "workingDir", c.Container.WorkingDir, dir)
	c.env()
}

// at returns the function that finds the place of a field of the container.
func (c *comparison) at(keys ...string) func() place {
	return func() place { return placeOf(c.Pod, c.Container.Node, keys...) }
}

// listed joins values for a message.
func listed[T any](values []T) string {
	var out []string
	for _, v := range values {
		out = append(out, fmt.Sprint(v))
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), ", ")
}
