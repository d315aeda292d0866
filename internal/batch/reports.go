package batch

import (
	"path/filepath"

	"github.com/podseal/podseal/internal/report"
)

// Reports returns the reports of an input, in the order of its containers, with their places in the manifest.
func (s Sealed) Reports(policy report.Policy) []report.Report {
	var out []report.Report
	for i, res := range s.Results {
		r := policy.Judge(res)
		if c := s.Input.Containers[i]; c.Pod != nil && s.Input.Path != "" {
			if in, ok := c.Pod.Container(c.Name); ok {
				r.Target.File, r.Target.Line = filepath.ToSlash(filepath.Clean(s.Input.Path)), in.Line
			}
		}
		out = append(out, r)
	}
	return out
}
