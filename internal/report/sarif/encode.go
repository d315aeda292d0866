package sarif

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/safetext"
)

const (
	schema   = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	homepage = "https://github.com/podseal/podseal"
	// fingerprint is the name of podseal's fingerprint, with the version of how it is made.
	fingerprint = "podsealKey/v1"
)

// Options are what a log says besides its findings.
type Options struct {
	Version string         // of podseal
	Rules   []finding.Rule // of the command, with and without findings: one without counts as passed
	// Category keeps the logs of different commands apart: "run".
	Category string
	// Fallback is the file in whose first line a finding without a file is placed. GitHub refuses a result without a place.
	// Empty means that such results have none but the name of their target.
	Fallback string
}

// Write writes findings as a SARIF log.
func Write(w io.Writer, findings []finding.Finding, o Options) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(New(findings, o))
	if err == nil {
		_, err = w.Write(safetext.JSON(b.Bytes()))
	}
	if err != nil {
		return fmt.Errorf("writing the SARIF report: %w", err)
	}
	return nil
}

// New returns findings as a SARIF log with one run. A rule that the options do not have is that of package finding.
func New(findings []finding.Finding, o Options) Document {
	rules := slices.Clone(o.Rules)
	for _, f := range findings {
		if !slices.ContainsFunc(rules, func(r finding.Rule) bool { return r.ID == f.Rule }) {
			rules = append(rules, finding.RuleOf(f.Rule))
		}
	}
	run := Run{
		Tool:       Tool{Driver{Name: "podseal", Version: o.Version, InformationURI: homepage, Rules: []Rule{}}},
		Results:    []Result{},
		ColumnKind: "unicodeCodePoints",
	}
	if o.Category != "" {
		run.AutomationDetails = &AutomationDetails{ID: "podseal/" + o.Category + "/"}
	}
	for _, r := range rules {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, newRule(r))
	}
	for _, f := range findings {
		index := slices.IndexFunc(rules, func(r finding.Rule) bool { return r.ID == f.Rule })
		run.Results = append(run.Results, newResult(f, index, o.Fallback))
	}
	return Document{Schema: schema, Version: "2.1.0", Runs: []Run{run}}
}

func newRule(r finding.Rule) Rule {
	return Rule{
		ID: r.ID, ShortDescription: Message{r.Title}, FullDescription: Message{r.Help},
		Help:    Help{Text: r.Help, Markdown: r.Help + " See [" + r.ID + "](" + r.Page() + ")."},
		HelpURI: r.Page(), Default: Configuration{string(r.Level)}, Properties: RuleProperties{Tags: []string{"security", "kubernetes"}},
	}
}

func newResult(f finding.Finding, index int, fallback string) Result {
	sum := sha256.Sum256([]byte(f.Key()))
	at, message := Location{}, f.Message
	if f.Target != "" {
		at.Logical, message = []Logical{{Name: safetext.Line(f.Target), Kind: "resource"}}, f.Target+": "+f.Message
	}
	switch {
	case f.File != "":
		at.Physical = &Physical{Artifact{address(f.File)}, Region{StartLine: max(f.Line, 1), StartColumn: f.Column}}
	case fallback != "":
		at.Physical = &Physical{Artifact{address(fallback)}, Region{StartLine: 1}}
	}
	return Result{
		RuleID: f.Rule, RuleIndex: index, Level: string(f.Level), Message: Message{safetext.Line(message)},
		Locations: []Location{at}, PartialFingerprints: map[string]string{fingerprint: hex.EncodeToString(sum[:])},
	}
}

// address returns the URI of a file: relative for a relative path, escaped as a URI is.
func address(file string) string {
	file = path.Clean(strings.ReplaceAll(file, `\`, "/"))
	u := url.URL{Path: file}
	switch {
	case strings.HasPrefix(file, "/"):
		u.Scheme = "file"
	case len(file) > 1 && file[1] == ':': // a drive of Windows
		u.Scheme, u.Path = "file", "/"+file
	}
	return strings.TrimPrefix(u.String(), "./") // url.URL adds it to a first segment with a colon
}
