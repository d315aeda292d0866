package seal_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/engine/enginetest"
	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/loss"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/target"
)

// TestSeal seals the applications of testdata/seal/*.txtar: "image" is the tree (further files whose names are absolute
// paths are its content), "config" the image's configuration and the options, "app" the script (see enginetest). "traced" and
// "untraced" are the results with a tracer and without.
func TestSeal(t *testing.T) {
	golden.Run(t, "testdata/seal/*.txtar", func(t *testing.T, a *txtar.Archive) (out []txtar.File) {
		for _, mode := range []string{"traced", "untraced"} {
			out = append(out, txtar.File{Name: mode, Data: []byte(sealArchive(t, a, mode == "traced"))})
		}
		return out
	})
}

// sealArchive seals one application, and checks what must hold of every result.
func sealArchive(t *testing.T, a *txtar.Archive, traced bool) string {
	t.Helper()
	e, tgt, opts := parseCase(t, a)
	e.Traced = traced
	var res seal.Result
	synctest.Test(t, func(t *testing.T) {
		var err error
		res, err = seal.Run(context.Background(), e, tgt, opts)
		if err != nil {
			t.Fatal(err)
		}
	})
	checkResult(t, e, res)
	return render(res)
}

func checkResult(t *testing.T, e *enginetest.Engine, res seal.Result) {
	t.Helper()
	if e.Alive() != 0 {
		t.Errorf("%d containers or trees are left", e.Alive())
	}
	if _, ok := res.Proved(); res.Verdict == seal.Sealed && !ok {
		t.Error("sealed, but no round passed under the profile")
	}
	if o, ok := res.Proved(); ok && (!o.Passed() || o.Protocol.Traced || len(o.Protocol.Fresh) > 0 || !o.Profile.Equal(res.Profile)) {
		t.Errorf("the confirmation run is %+v", o.Protocol)
	}
	if res.Verdict == seal.Sealed && len(res.Profile.Exceptions()) > 0 {
		t.Errorf("sealed with %v", res.Profile.Exceptions())
	}
	if res.Verdict == seal.Sealed && res.Profile.User.UID == 0 {
		t.Error("sealed as root")
	}
	if len(res.NotExercised) == 0 {
		t.Error("nothing is said to be not exercised")
	}
	checkReasons(t, res)
	for _, r := range res.Rounds {
		if !slices.IsSortedFunc(r.Profile.Mounts, func(a, b profile.Mount) int { return strings.Compare(a.Path, b.Path) }) {
			t.Errorf("%s: unsorted mounts", r.Name)
		}
	}
}

// parseCase returns the engine, the target and the options of a case.
func parseCase(t *testing.T, a *txtar.Archive) (*enginetest.Engine, target.Target, seal.Options) {
	t.Helper()
	e, c, err := enginetest.Parse(a)
	if err != nil {
		t.Fatal(err)
	}
	tgt := target.Target{Image: "app", Ready: target.Ready{Timeout: time.Minute}, Commands: []target.Command{target.Shell("e2e", true)}}
	opts := seal.Options{Minimize: seal.MinimizeFull, Parallel: 1}
	var offer plan.SeedOffer
	for _, o := range c.Options {
		switch o.Name {
		case "soak":
			d, err := time.ParseDuration(o.Value)
			if err != nil {
				t.Fatal(err)
			}
			tgt.Soak = d
		case "minimize":
			opts.Minimize = seal.Minimize(o.Value)
		case "ready-log":
			tgt.Ready.Log = o.Value
		case "probe":
			tgt.Ready.Probes = append(tgt.Ready.Probes, target.Probe{Name: o.Value, Argv: []string{"probe"}})
		case "listen-probe":
			port, err := strconv.Atoi(o.Value)
			if err != nil {
				t.Fatal(err)
			}
			tgt.Ready.Probes = append(tgt.Ready.Probes, target.Probe{Name: "startupProbe", TCP: port})
		case "seed-image":
			if offer, err = seal.InspectSeedImage(t.Context(), e, o.Value, ""); err != nil {
				t.Fatal(err)
			}
		case "image-volumes":
			offer.ImageVolumes = true
		case "size-limits":
			opts.SizeLimits = true
		case "plan-only":
			opts.PlanOnly = true
		case "completes":
			tgt.Completes = true
		case "untraced":
			tgt.Untraced = true
		case "patience":
			f, err := strconv.ParseFloat(o.Value, 64)
			if err != nil {
				t.Fatal(err)
			}
			opts.Patience = f
		case "no-commands":
			tgt.Commands = nil
		default:
			t.Fatalf("unknown config line %q", o.Name+" "+o.Value)
		}
	}
	opts.SeedOffers = map[string]plan.SeedOffer{"": offer}
	return e, tgt, opts
}

func render(res seal.Result) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s: %s\n", res.Verdict, res.Why)
	if res.Verdict != seal.NotTestable {
		b.WriteString(profileText(res.Profile, res.User))
	}
	for _, p := range res.Proofs {
		fmt.Fprintf(&b, "proof %s: %s\n", p.Relaxation, p.Text)
	}
	for _, x := range res.Exceptions {
		fmt.Fprintf(&b, "exception %s: %s\n  fix: %s\n", x.Setting, x.Why, x.Fix)
	}
	for _, n := range res.NotExercised {
		if !strings.HasPrefix(n, "whatever") && !strings.HasPrefix(n, "what the application") {
			fmt.Fprintf(&b, "not exercised: %s\n", n)
		}
	}
	for _, c := range res.Choices {
		if c.Decision != seal.Noise && !slices.Contains([]seal.Decision{seal.Mount, seal.SeededMount, seal.OwnedMount}, c.Decision) {
			fmt.Fprintf(&b, "choice %s: %s, %s\n", c.Path, c.Said(), c.Reason)
		}
	}
	for _, s := range res.Swallowed {
		fmt.Fprintf(&b, "swallowed %s\n", s)
	}
	for _, l := range res.Losses {
		if l.Kind != loss.NewError {
			fmt.Fprintf(&b, "lost, %s: %s: %s\n", l.Kind, l.What, l.Detail)
		}
	}
	for i, r := range res.Rounds {
		outcome := string(r.Outcome)
		if !r.Passed() {
			outcome += ": " + r.Observation.Failure.Text
		}
		if r.Cause != "" {
			outcome = string(r.Cause) + ", " + outcome
		}
		fmt.Fprintf(&b, "round %d, %s: %s\n", i+1, r.Name, outcome)
		for _, x := range r.Blames {
			fmt.Fprintf(&b, "  blames %s (%s, %s): %s\n", x.Setting, r.Rule, x.Strength, x.Evidence)
		}
	}
	return b.String()
}

func profileText(p profile.Profile, name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "user %d:%d%s", p.User.UID, p.User.GID, strings.TrimRight(" "+name, " "))
	if len(p.User.Groups) > 0 {
		fmt.Fprintf(&b, " groups %v", p.User.Groups)
	}
	b.WriteString("\n")
	for _, m := range p.Mounts {
		fmt.Fprintf(&b, "mount %s %s%s\n", m.Path, m.Kind, strings.TrimRight(" "+string(m.Medium), " "))
		if m.Partial {
			b.WriteString("  partial\n")
		}
		if m.Private {
			b.WriteString("  private\n")
		}
		if m.Rewritable {
			b.WriteString("  rewritable\n")
		}
		if m.SizeLimit > 0 {
			fmt.Fprintf(&b, "  sizeLimit %dMi\n", m.SizeLimit>>20)
		}
	}
	for _, f := range []struct {
		is   bool
		text string
	}{
		{p.Seeding.Image != "", "init containers in " + p.Seeding.Image},
		{p.Seeding.ImageVolume, "image volume"},
		{p.WorkingDir != "", "workingDir " + p.WorkingDir},
		{p.Env["HOME"] != "", "HOME " + p.Env["HOME"]},
		{p.Env["TMPDIR"] != "", "TMPDIR " + p.Env["TMPDIR"]},
		{p.LowPorts, "low ports"},
		{len(p.AddCapabilities) > 0, "capabilities " + strings.Join(p.AddCapabilities, " ")},
		{p.WritableRoot, "writable root"},
		{p.AllowPrivilegeEscalation, "privilege escalation"},
	} {
		if f.is {
			b.WriteString(f.text + "\n")
		}
	}
	return b.String()
}
