// Package finding holds what podseal found that a user has to act on, in the shape that reports for programs share: SARIF,
// JUnit, annotations of GitHub and GitLab.
package finding

// Level is how grave a finding is.
type Level string

// The levels. Only Error makes a command fail.
const (
	Error   Level = "error"
	Warning Level = "warning"
	Note    Level = "note"
)

// Finding is one fact that a user has to act on.
type Finding struct {
	// Rule is the stable id of the kind of finding: "drift/manifest".
	Rule  string `json:"rule"`
	Level Level  `json:"level" jsonschema:"enum=error,enum=warning,enum=note"`
	// Target is the name of the target: its name in podseal.yaml, else its container or image.
	Target  string `json:"target"`
	Message string `json:"message"` // one sentence: what is wrong, and what to do
	// Subject is what the finding is about: a path, a field, a setting. With Rule and Target it identifies the finding from
	// one run to the next.
	Subject string `json:"subject"`
	// File is the file that the finding is in, with slashes, relative to the working directory; empty if there is none. Line
	// and Column count from 1; Line is 0 if the place in the file is unknown.
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// Key identifies a finding from one run to the next. Lines and messages are not part of it.
func (f Finding) Key() string { return f.Rule + "\x00" + f.Target + "\x00" + f.Subject }
