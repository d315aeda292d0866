package report

import (
	"fmt"
	"io"

	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/safetext"
)

// SeveralSchema names the version of the JSON report of several containers.
const SeveralSchema = "podseal.reports/v1"

// Several are the reports of all containers of one command, in the order of sealing. With one report the
// views are those of the report itself.
type Several struct {
	Schema   string   `json:"schema"`
	ExitCode int      `json:"exitCode"`
	Reports  []Report `json:"reports"`
	// Errors are the targets without a report: an error of the engine or of the input ended them.
	Errors []TargetError `json:"errors,omitempty"`
}

// TargetError is the error that ended a target.
type TargetError struct {
	Target  string `json:"target"`
	Message string `json:"message"`
}

// NewSeveral joins reports. The exit code is the gravest: an open run that fails before a container that is not sealed.
func NewSeveral(list []Report) Several {
	s := Several{Schema: SeveralSchema, Reports: list}
	for _, r := range list {
		if s.ExitCode == 0 || r.ExitCode == exitcode.NotTestable {
			s.ExitCode = r.ExitCode
		}
	}
	return s
}

// JSON writes one object: that of the only report, or one that holds them all.
func (s Several) JSON(w io.Writer) error {
	if len(s.Reports) == 1 && len(s.Errors) == 0 {
		return s.Reports[0].JSON(w)
	}
	return writeJSON(w, s)
}

// Text writes the reports one after the other.
func (s Several) Text(w io.Writer, opt TextOptions) error {
	left := len(s.Reports)
	return s.each(w, func(r Report) error {
		own := opt
		if left--; left > 0 { // the next step is the same for all
			own.More = ""
		}
		return r.Text(w, own)
	})
}

func (s Several) each(w io.Writer, write func(Report) error) error {
	for i, r := range s.Reports {
		if i > 0 {
			if _, err := io.WriteString(w, "\n"); err != nil {
				return fmt.Errorf("writing the report: %w", err)
			}
		}
		if err := write(r); err != nil {
			return err
		}
	}
	return nil
}

// Failures returns a line for each container without a seal.
func (s Several) Failures() []string {
	var out []string
	for _, r := range s.Reports {
		if r.ExitCode == exitcode.Sealed {
			continue
		}
		name := r.Image.Reference
		if r.Target.Container != "" {
			name = "container " + r.Target.Container
		}
		if r.Target.Name != "" {
			name = "target " + r.Target.Name
		}
		out = append(out, safetext.Line(fmt.Sprintf("%s: %s: %s", name, r.Verdict, r.Why)))
	}
	return out
}
