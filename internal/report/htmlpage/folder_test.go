package htmlpage

import (
	"fmt"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/seal"
)

// drawn writes a map as indented lines.
func drawn(f *Folder, depth int) string {
	s := strings.Repeat(" ", depth) + fmt.Sprintf("%s %s %v+%d\n", f.Name, f.Kind, f.Files, f.More)
	for _, c := range f.Children {
		s += drawn(c, depth+1)
	}
	return s
}

func TestFolders(t *testing.T) {
	file := func(at, change string) report.Evidence { return report.Evidence{Path: at, Change: change} }
	r := report.Report{
		Profile: &report.Profile{UID: 1, Mounts: []report.Mount{{Path: "/var/cache/web", Kind: "plain"}, {Path: "/tmp", Kind: "plain", Medium: "Memory"}}},
		Choices: []report.Choice{
			{Path: "/var/cache/web", Decision: "mount", Kind: seal.Mount, Evidence: []report.Evidence{file("/var/cache/web/a", "A"), file("/var/cache/web", "C"), file("/var/cache/web/b", "D"), file("/var/cache/web/b", "D")}},
			{Path: "/var/lib/web/data", Decision: "owned mount", Kind: seal.OwnedMount},
			{Path: "/etc/web", Decision: "seeded mount", Kind: seal.SeededMount},
			{Path: "/etc/web/conf.d", Decision: "in mount /etc/web", Kind: seal.InMount},
			{Path: "/opt/x", Decision: "read-only", Kind: seal.ReadOnly},
			{Path: "/data", Decision: "volume store", Kind: seal.PodVolume},
			{Path: "/dev/null", Decision: "noise", Kind: seal.Noise},
		},
		Swallowed: []report.Evidence{{Path: "/srv/www/log"}},
	}
	want := `/ plain []+0
 /data exposed []+0
 /etc/web seeded []+0
  conf.d writable []+0
 /opt/x denied []+0
 /srv/www denied [log denied]+0
 /tmp memory []+0
 /var plain []+0
  cache/web writable [a added b deleted]+0
  lib/web/data owned []+0
`
	if got := drawn(folders(r), 0); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	r.Profile.WritableRoot = true
	if f := folders(r); f.Kind != exposed {
		t.Errorf("a writable root is %s", f.Kind)
	}
	if folders(report.Report{}) != nil {
		t.Error("nothing is drawn")
	}
	var many []report.Evidence
	for i := range 20 {
		many = append(many, file(fmt.Sprintf("/x/%d", i), ""))
	}
	f := folders(report.Report{Choices: []report.Choice{{Path: "/x", Decision: "mount", Kind: seal.Mount, Evidence: many}}})
	if x := f.Children[0]; len(x.Files) != maxFiles || x.More != 20-maxFiles {
		t.Errorf("%d files and %d more", len(x.Files), x.More)
	}
}

func TestTimeline(t *testing.T) {
	r := report.Report{Rounds: []report.Round{
		{Name: "b", StartSeconds: 5, Seconds: 5, ReadySeconds: 2}, {Name: "a", StartSeconds: 0, Seconds: 4},
	}}
	line := timeline(r)
	if a, b := line.Runs[0], line.Runs[1]; a.Name != "a" || b.At != "50.00%" || b.Width != "50.00%" || b.Ready != "70.00%" || a.Ready != "" {
		t.Errorf("got %+v", line.Runs)
	}
	if len(line.Ticks) != 5 || line.Ticks[1].Text != "2 s" {
		t.Errorf("ticks %+v", line.Ticks)
	}
	r.Rounds[0].StartSeconds = 0 // a report without starts
	if got := timeline(r); got.Runs[0].Name != "b" || got.Runs[1].At != "55.56%" {
		t.Errorf("got %+v", got.Runs)
	}
	if timeline(report.Report{}) != nil {
		t.Error("no run makes a line")
	}
	for total, want := range map[float64]float64{0.1: 0.02, 17: 5, 60: 10, 3600: 1000} {
		if got := tickStep(total); got != want {
			t.Errorf("the step of %g is %g, want %g", total, got, want)
		}
	}
}
