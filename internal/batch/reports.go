package batch

import (
	"path/filepath"

	"github.com/podseal/podseal/internal/redact"
	"github.com/podseal/podseal/internal/report"
)

// Reports returns the reports of an input, in the order of its containers, with their places in the manifest and without
// secrets.
func (s Sealed) Reports(policy report.Policy, r *redact.Redactor) []report.Report {
	var out []report.Report
	for i, res := range s.Results {
		judged := policy.Judge(redact.Apply(r, res))
		judged.ExitCode = policy.ExitCode(res)
		if c := s.Input.Containers[i]; c.Pod != nil && s.Input.Path != "" {
			if in, ok := c.Pod.Container(c.Name); ok {
				judged.Target.File, judged.Target.Line = filepath.ToSlash(filepath.Clean(s.Input.Path)), in.Line
			}
		}
		out = append(out, judged)
	}
	return out
}
