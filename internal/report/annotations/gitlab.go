package annotations

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/safetext"
)

// Issue is one entry of a code quality report of GitLab. All fields are required.
// https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
type Issue struct {
	Description string   `json:"description"`
	CheckName   string   `json:"check_name"`
	Fingerprint string   `json:"fingerprint"`
	Severity    string   `json:"severity" jsonschema:"enum=info,enum=minor,enum=major,enum=critical,enum=blocker"`
	Location    Location `json:"location"`
}

// Location is a place in a file of the repository.
type Location struct {
	Path  string `json:"path"` // relative to the root of the repository, without "./"
	Lines Lines  `json:"lines"`
}

// Lines are the lines of a place. GitLab needs only the first.
type Lines struct {
	Begin int `json:"begin"`
}

// severities are GitLab's words for the levels.
var severities = map[finding.Level]string{finding.Error: "major", finding.Warning: "minor", finding.Note: "info"}

// GitLab writes findings as a code quality report, a JSON list. GitLab drops an entry without a place: a finding
// without a file is placed in the first line of the fallback, for example the configuration.
func GitLab(w io.Writer, findings []finding.Finding, fallback string) error {
	issues := []Issue{}
	for _, f := range findings {
		at := Location{Path: f.File, Lines: Lines{Begin: max(f.Line, 1)}}
		if f.File == "" {
			at = Location{Path: fallback, Lines: Lines{Begin: 1}}
		}
		sum := sha256.Sum256([]byte(f.Key()))
		issues = append(issues, Issue{
			Description: safetext.Line(f.Target + ": " + f.Message), CheckName: f.Rule, Fingerprint: hex.EncodeToString(sum[:]),
			Severity: severities[f.Level], Location: at,
		})
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(issues); err != nil {
		return fmt.Errorf("writing the code quality report for GitLab: %w", err)
	}
	if _, err := w.Write(safetext.JSON(b.Bytes())); err != nil {
		return fmt.Errorf("writing the code quality report for GitLab: %w", err)
	}
	return nil
}
