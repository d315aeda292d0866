// Package report shows an outcome: as text for a reader, as JSON for a program, as Markdown for a CI summary; and it
// shows the progress of a run. All views are made from one value, so that they cannot disagree.
package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/safetext"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/target"
)

// JSON writes the report as JSON: indented, in a stable order, with a newline at the end.
func (r Report) JSON(w io.Writer) error {
	return writeJSON(w, r)
}

func writeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	if err == nil {
		_, err = w.Write(safetext.JSON(b.Bytes()))
	}
	if err != nil {
		return fmt.Errorf("writing the JSON report: %w", err)
	}
	return nil
}

// New makes the report of a result. Its ExitCode is the one that the verdict alone gives; a caller that forgives
// exceptions sets it.
func New(res seal.Result) Report {
	r := Report{
		Schema: Schema, RunID: res.RunID, Verdict: string(res.Verdict), Why: res.Why, ExitCode: Policy{}.ExitCode(res),
		Image: Image{
			Reference: cmp.Or(res.Target.Image, res.Image.Ref), ID: res.Image.ID, Digest: res.Image.Digest,
			Platform: res.Image.Platform,
		},
		Target:  newTarget(res.Target),
		Reasons: each(res.Reasons, func(x profile.Reason) Reason { return Reason{x.Field, x.Why, x.Proof} }),
		Proofs: each(res.Proofs, func(p seal.Proof) Proof {
			return Proof{p.Relaxation, string(p.Outcome), p.Text, p.Round, p.Suite}
		}),
		Exceptions:   each(res.Exceptions, func(x seal.Exception) Exception { return Exception{Setting: x.Setting, Why: x.Why, Fix: x.Fix} }),
		Choices:      byPath(each(res.Choices, newChoice), func(c Choice) string { return c.Path }),
		Losses:       newLosses(res.Losses),
		Swallowed:    newEvidence(res.Swallowed),
		NotExercised: each(res.NotExercised, same),
		Advice:       newAdvice(res),
		Rounds:       each(res.Rounds, newRound),
	}
	if res.Verdict != seal.NotTestable {
		p := newProfile(res.Profile)
		if p.UID != 0 {
			p.UserName = res.User
		}
		r.Profile = &p
	}
	if proved, ok := res.Proved(); ok {
		r.ProvedBy = proved.Name
	}
	var took time.Duration
	for _, o := range res.Rounds {
		took += o.Took
	}
	r.Seconds, r.Trace = seconds(took), resultTrace(res)
	return r
}

// Policy is what a user accepts of a result.
type Policy struct {
	Allow  []string // the settings of exceptions
	Strict bool     // accept no loss against the open run
}

// allowable are the settings that a seal can fall short in, besides the capabilities.
var allowable = []string{"runAsNonRoot", "readOnlyRootFilesystem", "allowPrivilegeEscalation", "restart"}

// Check refuses settings that no exception has.
func (p Policy) Check() error {
	for _, setting := range p.Allow {
		name, capability := strings.CutPrefix(setting, "capabilities:")
		if !slices.Contains(allowable, setting) && (!capability || !profile.IsCapability(name)) {
			return fmt.Errorf("--allow %s: there is no such exception: use %s or capabilities:NAME, as the report names it",
				setting, strings.Join(allowable, ", "))
		}
	}
	return nil
}

// Judge makes the report of a result, with the exceptions that the policy accepts marked, and its exit code.
func (p Policy) Judge(res seal.Result) Report {
	r := New(res)
	r.ExitCode = p.ExitCode(res)
	for i, e := range r.Exceptions {
		r.Exceptions[i].Accepted = slices.Contains(p.Allow, e.Setting)
	}
	return r
}

// ExitCode returns the exit code of the command for a result. Exceptions count only where the user does not allow their
// settings; root, the gravest, makes the verdict NotSealable and can be allowed as well.
func (p Policy) ExitCode(res seal.Result) int {
	refused := slices.ContainsFunc(res.Exceptions, func(e seal.Exception) bool { return !slices.Contains(p.Allow, e.Setting) })
	switch {
	case res.Verdict == seal.NotTestable:
		return exitcode.NotTestable
	case p.Strict && len(res.Losses) > 0:
		return exitcode.NotSealed
	case res.Verdict == seal.Sealed, res.Verdict == seal.Planned, len(res.Exceptions) > 0 && !refused:
		return exitcode.Sealed
	}
	return exitcode.NotSealed
}

func newTarget(t target.Target) Target {
	object := ""
	if t.Pod != nil {
		object = t.Pod.Original
	}
	return Target{
		Name: t.Alias, Object: object, Container: t.Name,
		Entrypoint: t.Concealed(t.Entrypoint), Args: t.Concealed(t.Args), User: t.User, WorkingDir: t.WorkingDir, Network: t.Network,
		EnvNames: each(t.Env, func(e target.EnvVar) string { return e.Name }),
		Ports:    each(t.Ports, same),
		Ready: Ready{
			Command: t.Ready.Command, HTTP: t.Ready.HTTP, Log: t.Ready.Log, Exec: t.Ready.Exec,
			TimeoutSeconds: seconds(t.Ready.Timeout),
		},
		Commands:    each(t.Commands, func(c target.Command) Command { return Command{c.String(), c.Inside, c.Suite} }),
		SoakSeconds: seconds(t.Soak), TimeoutSeconds: seconds(t.Timeout), GraceSeconds: seconds(t.Grace),
	}
}

// newProfile leaves every field of an unrestricted profile empty: they mean nothing there.
func newProfile(p profile.Profile) Profile {
	if p.Open {
		p = profile.Unrestricted()
	}
	return Profile{
		Open: p.Open, UID: p.User.UID, GID: p.User.GID, Groups: each(p.User.Groups, same),
		Mounts: byPath(each(p.Mounts, func(m profile.Mount) Mount {
			return Mount{Path: m.Path, Kind: string(m.Kind), Medium: string(m.Medium), Volume: m.Volume, Rewritable: m.Rewritable, Partial: m.Partial, Private: m.Private, SizeLimit: m.SizeLimit}
		}), func(m Mount) string { return m.Path }),
		WorkingDir: p.WorkingDir, Env: p.Env, LowPorts: p.LowPorts, Ping: p.Ping, FSGroup: p.FSGroup,
		SeedImage: p.Seeding.Image, ImageVolume: p.Seeding.ImageVolume, AddCapabilities: each(p.AddCapabilities, same),
		WritableRoot: p.WritableRoot, AllowPrivilegeEscalation: p.AllowPrivilegeEscalation,
	}
}

func newChoice(c seal.Choice) Choice {
	return Choice{
		Path: c.Path, Changes: c.Changes, Phase: string(c.Phase), Kind: c.Decision, Decision: c.Said(), Reason: c.Reason,
		Proof: c.Proof, Evidence: newEvidence(c.Evidence),
	}
}

func newEvidence(list []diff.Evidence) []Evidence {
	return byPath(each(list, func(e diff.Evidence) Evidence {
		return Evidence{
			Path: e.Path, Change: string(e.Kind), Phase: string(e.Phase), Dir: e.Dir, Outcome: string(e.Outcome), Errno: e.Errno,
			Source: string(e.Source), Line: e.Line, Calls: each(e.Calls, same), Moved: e.Moved, Noise: e.Noise,
			Writers: each(e.Writers, func(w diff.Writer) Writer { return Writer{w.Command, w.UID, w.GID, w.Count, w.Exec} }),
		}
	}), func(e Evidence) string { return e.Path })
}

// each returns a list made from another; never nil, so that JSON has [] and not null.
func each[T, U any](in []T, f func(T) U) []U {
	out := make([]U, len(in))
	for i, x := range in {
		out[i] = f(x)
	}
	return out
}

func same[T any](x T) T { return x }

func byPath[T any](list []T, at func(T) string) []T {
	slices.SortStableFunc(list, func(a, b T) int { return strings.Compare(at(a), at(b)) })
	return list
}

// seconds rounds to milliseconds: more would be noise.
func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*1000) / 1000 }
