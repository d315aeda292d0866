package seals_test

import (
	"slices"
	"testing"

	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/gate"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/sealfile"
	"github.com/podseal/podseal/internal/seals"
)

const nothing = "nothing new\n"

const twoSealed = `apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  securityContext:
    supplementalGroups: [7]
    sysctls: [{name: net.ipv4.ip_unprivileged_port_start, value: "0"}]
  containers:
    - name: one
      image: app:1
      securityContext: {runAsNonRoot: true, runAsUser: 5, runAsGroup: 5, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault}}
    - name: two
      image: app:2
      securityContext: {runAsNonRoot: true, runAsUser: 5, runAsGroup: 5, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault}}
`

// TestTargetsOfOnePod checks two targets of one pod together, and each alone: what the other needs is no drift.
func TestTargetsOfOnePod(t *testing.T) {
	f, err := manifest.Parse("p.yaml", []byte(twoSealed), "")
	if err != nil {
		t.Fatal(err)
	}
	subject := func(container string, p profile.Profile) seals.Subject {
		targets, err := f.Select("", container)
		if err != nil {
			t.Fatal(err)
		}
		p.User.UID, p.User.GID = 5, 5
		e := sealfile.Entry{Seal: sealfile.Seal{Object: "Pod p", Container: container, Image: sealfile.Image{Reference: targets[0].Container.Image}, Profile: p}}
		return seals.Subject{Name: container, Targets: targets, Entries: []sealfile.Entry{e}, Accepted: gate.Accepted{Known: true}}
	}
	one := subject("one", profile.Profile{User: profile.User{Groups: []int64{7}}})
	two := subject("two", profile.Profile{LowPorts: true})
	if d := errorsOf(seals.Check([]seals.Subject{one, two}, seals.Options{})); d != nothing {
		t.Errorf("both: %s", d)
	}
	if d := errorsOf(seals.Check([]seals.Subject{one}, seals.Options{})); d != nothing {
		t.Errorf("one alone: %s", d)
	}
	if d := errorsOf(seals.Check([]seals.Subject{two}, seals.Options{})); d != nothing {
		t.Errorf("two alone: %s", d)
	}
	nobody := subject("two", profile.Profile{}) // nobody needs the low port
	if d := errorsOf(seals.Check([]seals.Subject{one, nobody}, seals.Options{})); d == nothing {
		t.Error("a sysctl that no seal needs is no drift")
	}
	more := subject("two", profile.Profile{LowPorts: true, Ping: true})
	if d := errorsOf(seals.Check([]seals.Subject{more}, seals.Options{})); d == nothing {
		t.Error("a sysctl that is missing is no drift")
	}
}

// errorsOf words the findings that are errors.
func errorsOf(_ []report.CheckedTarget, found []finding.Finding) string {
	return findingsText(slices.DeleteFunc(found, func(f finding.Finding) bool { return f.Level != finding.Error }))
}
