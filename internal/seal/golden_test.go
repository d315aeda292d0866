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

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/target"
)

// TestSeal seals the applications of testdata/seal/*.txtar: "image" is the tree (further files whose names are absolute
// paths are its content), "config" the image's configuration and the options, "app" the script (see op). "traced" and
// "untraced" are what comes of it with a tracer and without.
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
	e.traced = traced
	var res seal.Result
	synctest.Test(t, func(t *testing.T) {
		var err error
		res, err = seal.Seal(context.Background(), e, tgt, opts)
		if err != nil {
			t.Fatal(err)
		}
	})
	checkResult(t, e, res)
	return render(res)
}

func checkResult(t *testing.T, e *fakeEngine, res seal.Result) {
	t.Helper()
	if e.alive != 0 {
		t.Errorf("%d containers or trees are left", e.alive)
	}
	if _, ok := res.Proved(); res.Verdict == seal.Sealed && !ok {
		t.Error("sealed, but no round passed under the profile")
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
	for _, r := range res.Rounds {
		if !slices.IsSortedFunc(r.Profile.Mounts, func(a, b profile.Mount) int { return strings.Compare(a.Path, b.Path) }) {
			t.Errorf("%s: unsorted mounts", r.Name)
		}
	}
}

// parseCase makes the engine, the target and the options of a case.
func parseCase(t *testing.T, a *txtar.Archive) (*fakeEngine, target.Target, seal.Options) {
	t.Helper()
	config := &v1.ConfigFile{}
	config.Config.Volumes, config.Config.ExposedPorts = map[string]struct{}{}, map[string]struct{}{}
	tgt := target.Target{Image: "app", Ready: target.Ready{Timeout: time.Minute}, Commands: []target.Command{target.Shell("e2e", true)}}
	opts := seal.Options{Minimize: seal.MinimizeFull, Parallel: 1}
	var caps []string
	for line := range strings.Lines(golden.Section(a, "config")) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "user":
			config.Config.User = rest
		case "workdir":
			config.Config.WorkingDir = rest
		case "env":
			config.Config.Env = append(config.Config.Env, rest)
		case "volume":
			config.Config.Volumes[rest] = struct{}{}
		case "expose":
			config.Config.ExposedPorts[rest+"/tcp"] = struct{}{}
		case "entrypoint":
			config.Config.Entrypoint = strings.Fields(rest)
		case "filecap":
			caps = append(caps, rest)
		case "soak":
			d, err := time.ParseDuration(rest)
			if err != nil {
				t.Fatal(err)
			}
			tgt.Soak = d
		case "minimize":
			opts.Minimize = seal.Minimize(rest)
		case "ready-log":
			tgt.Ready.Log = rest
		case "probe":
			tgt.Ready.Probes = append(tgt.Ready.Probes, target.Probe{Name: rest, Argv: []string{"probe"}})
		case "listen-probe":
			port, err := strconv.Atoi(rest)
			if err != nil {
				t.Fatal(err)
			}
			tgt.Ready.Probes = append(tgt.Ready.Probes, target.Probe{Name: "startupProbe", TCP: port})
		case "seed-image":
			opts.SeedImage = rest
		case "image-volumes":
			opts.ImageVolumes = true
		case "size-limits":
			opts.SizeLimits = true
		case "plan-only":
			opts.PlanOnly = true
		case "no-commands":
			tgt.Commands = nil
		default:
			t.Fatalf("config line %q", line)
		}
	}
	tree, entries := parseTree(t, a, caps)
	users, err := image.ReadUsers(context.Background(), tree)
	if err != nil {
		t.Fatal(err)
	}
	e := &fakeEngine{
		facts: image.Facts{Ref: "app", Config: config}, tree: tree, entries: entries, users: users,
		script: parseScript(t, golden.Section(a, "app")),
	}
	return e, tgt, opts
}

// netBind is the security.capability attribute of a file with cap_net_bind_service=ep.
const netBind = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

func parseTree(t *testing.T, a *txtar.Archive, caps []string) (*image.MemTree, []image.Entry) {
	t.Helper()
	text, content := golden.Section(a, "image"), map[string]string{}
	for _, f := range a.Files {
		if strings.HasPrefix(f.Name, "/") {
			content[f.Name] = string(f.Data)
		}
	}
	m, err := image.ParseMemTree(text)
	if err != nil {
		t.Fatal(err)
	}
	entries, _, err := m.List(context.Background(), "/", 10000)
	if err != nil {
		t.Fatal(err)
	}
	for i := range entries {
		if slices.Contains(caps, entries[i].Path) {
			entries[i].Caps = netBind
		}
	}
	if _, ok, _ := m.Lookup(context.Background(), "/bin/sh"); ok { // a shell comes with the programs that it needs
		for _, p := range programs() {
			if _, there, _ := m.Lookup(context.Background(), p.Path); !there {
				entries = append(entries, p)
			}
		}
	}
	tree := image.NewMemTree(entries, content)
	entries, _, err = tree.List(context.Background(), "/", 10000)
	if err != nil {
		t.Fatal(err)
	}
	return tree, entries
}

func render(res seal.Result) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s: %s\n", res.Verdict, res.Why)
	if res.Verdict != seal.NotTestable {
		b.WriteString(profileText(res.Profile, res.User))
	}
	for _, r := range res.Reasons {
		if r.Proof != "" {
			fmt.Fprintf(&b, "proof %s: %s\n", r.Field, r.Proof)
		}
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
		if c.Decision != "noise" && !strings.HasSuffix(c.Decision, "mount") {
			fmt.Fprintf(&b, "choice %s: %s, %s\n", c.Path, c.Decision, c.Reason)
		}
	}
	for _, s := range res.Swallowed {
		fmt.Fprintf(&b, "swallowed %s\n", s)
	}
	for i, r := range res.Rounds {
		outcome := "passed"
		if !r.Observation.Passed() {
			outcome = r.Observation.Failure
		}
		fmt.Fprintf(&b, "round %d, %s: %s\n", i+1, r.Name, outcome)
		for _, x := range r.Blames {
			fmt.Fprintf(&b, "  blames %s: %s\n", x.Setting, x.Evidence)
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
