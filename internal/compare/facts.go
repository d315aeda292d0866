package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/sealfile"
)

// fact is one fact about an image under the commands. Facts of two images are about the same thing if area and subject are
// equal.
type fact struct {
	area    Area
	subject string
	value   string
	mount   string // of a step that only says what a mount holds: the subject of the mount
}

// facts returns what a result shows. Of several facts about one subject the last counts.
func facts(res seal.Result) []fact {
	out := []fact{{area: Verdict, value: string(res.Verdict)}}
	if res.Verdict == seal.NotTestable {
		return append(out, fact{area: Exit, subject: "open run", value: res.Why})
	}
	user := res.Profile.User
	out = append(out, fact{area: User, value: fmt.Sprintf("%d:%d", user.UID, user.GID)})
	for _, r := range res.Profile.Relaxations() {
		if !r.Exception {
			out = append(out, fact{area: Profile, subject: r.ID, value: need(res, r), mount: mountOf(r)})
		}
	}
	for _, x := range res.Exceptions {
		out = append(out, fact{area: Exception, subject: x.Setting, value: x.Why})
	}
	for _, l := range res.Losses {
		out = append(out, fact{area: Loss, subject: string(l.Kind) + " " + sealfile.StablePath(l.What), value: l.Detail})
	}
	if len(res.Rounds) > 0 {
		out = append(out, runFacts(res.Rounds[0].Observation)...)
	}
	return append(out, writes(res)...)
}

// runFacts returns what the open run shows, besides its writes.
func runFacts(o observe.Observation) []fact {
	var out []fact
	for _, port := range o.Listening {
		out = append(out, fact{area: Port, subject: fmt.Sprintf("%d/tcp", port), value: "listens"})
	}
	for _, id := range slices.Concat(o.Processes, o.Trace.Identities) {
		out = append(out, fact{area: Process, subject: fmt.Sprintf("uid %d", id.UID), value: "runs"})
	}
	if o.Exit != nil {
		out = append(out, fact{area: Exit, subject: "stop", value: fmt.Sprintf("exit code %d", o.Exit.Code)})
	}
	return out
}

// writes returns the paths that the runs wrote or were refused, with who wrote them and when. Noise of the container
// runtime is left out.
func writes(res seal.Result) []fact {
	var out []fact
	for _, c := range res.Choices {
		if c.Decision == seal.Noise {
			continue
		}
		for _, e := range c.Evidence {
			if e.Noise == "" {
				out = append(out, fact{area: Write, subject: sealfile.WrittenPath(e), value: by(e)})
			}
		}
	}
	return out
}

// by says who wrote a path and when: "nginx (uid 101) at its start".
func by(e diff.Evidence) string {
	text := strings.Join(sealfile.Writers(e), ", ")
	if text == "" {
		text = "the container"
	}
	return text + " " + sealfile.Phase(e.Phase)
}

// mountOf returns the subject of the mount that a step belongs to; empty for any other relaxation.
func mountOf(r profile.Relaxation) string {
	switch r.Kind {
	case profile.OwnedStep, profile.SeededStep, profile.MemoryStep:
		return profile.MountID(r.Path)
	}
	return ""
}

// need says what showed the need of a relaxation, behind the kind of a mount that is not plain.
func need(res seal.Result, r profile.Relaxation) string {
	text := "needed"
	for _, p := range res.Proofs {
		if p.Relaxation == r.ID {
			text = p.Text
			break
		}
	}
	if m, ok := res.Profile.Mount(r.Path); ok && r.Kind == profile.MountStep {
		switch {
		case m.Kind != profile.Plain:
			return string(m.Kind) + "; " + text
		case m.Medium == profile.Memory:
			return "in memory; " + text
		}
	}
	return text
}
