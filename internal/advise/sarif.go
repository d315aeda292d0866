package advise

import (
	"bytes"
	"path/filepath"

	"github.com/podseal/podseal/internal/advise/dockerfile"
	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/report/sarif"
)

// rulesPage documents the rules.
const rulesPage = "https://github.com/podseal/podseal/blob/main/docs/advice.md#findings-in-dockerfiles"

// rules are the rules that a Dockerfile can break, each with the level of its findings.
var rules = []struct {
	id, title, help string
	level           finding.Level
}{
	{dockerfile.RuleRoot, "The image runs as root", "The last USER is root, or there is none and the base image has none. End the Dockerfile with a numeric USER that is not 0.", finding.Error},
	{dockerfile.RuleDrops, "The image starts as root, and its entrypoint drops it", "Pin the uid that the entrypoint drops to, in the Dockerfile or in the manifest.", finding.Note},
	{dockerfile.RuleWorkers, "The image starts as root, and its workers drop it", "The first process may stay root. Start it as the user of its workers.", finding.Warning},
	{dockerfile.RuleMissing, "USER names a user that does not exist", "Neither the Dockerfile nor the base image makes that user. Make it, or write its number.", finding.Error},
	{dockerfile.RuleNamed, "USER is a name, which a kubelet refuses under runAsNonRoot", "Write the number of the user instead of its name.", finding.Warning},
	{dockerfile.RuleBase, "The user is not known", "The Dockerfile has no USER, and its base image is not known. End the Dockerfile with a numeric USER.", finding.Warning},
	{dockerfile.RuleLowPort, "A port below 1024 is exposed", "Not every runtime lets a non-root user listen there. Let the application listen above 1023.", finding.Note},
	{dockerfile.RuleCaps, "A program has file capabilities, and does not start without them", "Under capabilities: drop: [ALL] the kernel does not start the program. Leave setcap out.", finding.Warning},
	{dockerfile.RuleOnbuild, "ONBUILD is run by other builds, as this image's user", "A build of an image made from this one runs the instruction without root. Set USER around it.", finding.Note},
	{dockerfile.RuleHealth, "HEALTHCHECK writes outside folders that are writable", "A probe with the same command fails under a read-only root file system. Write to /dev/null or below /tmp.", finding.Note},
	{dockerfile.RuleStart, "The start writes outside folders that are writable", "It fails under a read-only root file system without a mount. podseal run finds the mount.", finding.Note},
	{dockerfile.RuleChownLayer, "A chown stores copied files twice", "A RUN with chown copies the files into another layer. Use COPY --chown.", finding.Note},
}

// SARIF returns the findings in Dockerfiles in the Static Analysis Results Interchange Format 2.1.0.
func (o Outcome) SARIF(version string) ([]byte, error) {
	levels := map[string]finding.Level{}
	opts := sarif.Options{Version: version, Category: "advise"}
	for _, r := range rules {
		levels[r.id] = r.level
		opts.Rules = append(opts.Rules, finding.Rule{ID: r.id, Title: r.title, Help: r.help, Level: r.level, Docs: rulesPage})
	}
	var findings []finding.Finding
	for _, d := range o.Dockerfiles {
		file := filepath.ToSlash(d.File)
		for _, f := range d.Findings {
			findings = append(findings, finding.Finding{
				Rule: f.Rule, Level: levels[f.Rule], Message: f.Says, Subject: file + ": " + f.Subject, File: file, Line: f.Line,
			})
		}
	}
	var b bytes.Buffer
	err := sarif.Write(&b, findings, opts)
	return b.Bytes(), err
}
