package plan_test

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe/observetest"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// goldens runs one function over each archive of testdata/DIR; what it returns must be the section "want". "image" is the
// tree (further files whose names are absolute paths are its content), "config" the image's configuration, "open" the
// open run.
func goldens(t *testing.T, dir string, run func(t *testing.T, a *txtar.Archive, in plan.Input) string) {
	t.Helper()
	golden.Run(t, filepath.Join("testdata", dir, "*.txtar"), func(t *testing.T, a *txtar.Archive) []txtar.File {
		return golden.Want(run(t, a, input(t, a)))
	})
}

func input(t *testing.T, a *txtar.Archive) plan.Input {
	t.Helper()
	tree, err := image.ParseMemTree(golden.Tree(a))
	if err != nil {
		t.Fatal(err)
	}
	users, err := image.ReadUsers(context.Background(), tree)
	if err != nil {
		t.Fatal(err)
	}
	in := plan.Input{Tree: tree, Users: users, Facts: image.Facts{Config: &v1.ConfigFile{}}}
	in.Facts.Config.Config.Volumes = map[string]struct{}{}
	if in.Open, err = observetest.Parse(golden.Section(a, "open")); err != nil {
		t.Fatal(err)
	}
	configure(t, &in, golden.Section(a, "config"))
	return in
}

func configure(t *testing.T, in *plan.Input, text string) {
	t.Helper()
	config := &in.Facts.Config.Config
	var caps []image.Entry
	var err error
	for line := range strings.Lines(text) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "user":
			config.User = rest
		case "no-healthcheck":
			config.Healthcheck = &v1.HealthConfig{Test: []string{"NONE"}}
		case "healthcheck":
			config.Healthcheck = &v1.HealthConfig{Test: []string{"CMD-SHELL", rest}}
		case "workdir":
			config.WorkingDir = rest
		case "volume":
			config.Volumes[rest] = struct{}{}
		case "entrypoint":
			config.Entrypoint = strings.Fields(rest)
		case "target-entrypoint":
			in.Target.Entrypoint = strings.Fields(rest)
		case "target-args":
			in.Target.Args = strings.Fields(rest)
		case "port":
			n, err := strconv.Atoi(rest)
			if err != nil {
				t.Fatal(err)
			}
			in.Target.Ports = append(in.Target.Ports, n)
		case "expose":
			if config.ExposedPorts == nil {
				config.ExposedPorts = map[string]struct{}{}
			}
			config.ExposedPorts[rest] = struct{}{}
		case "scratch":
			if in.Target.Pod == nil {
				in.Target.Pod = &target.Pod{}
			}
			in.Target.Pod.Volumes = append(in.Target.Pod.Volumes, target.Volume{Name: rest, Kind: target.EmptyDir})
			in.Target.Mounts = append(in.Target.Mounts, target.VolumeMount{Volume: rest, Path: rest, Own: true})
		case "claim", "read-only-claim":
			in.Target.Pod = &target.Pod{Volumes: []target.Volume{{Name: "data", Kind: target.Claim}}}
			in.Target.Mounts = append(in.Target.Mounts, target.VolumeMount{Volume: "data", Path: rest, ReadOnly: word == "read-only-claim"})
		case "shared": // with other containers of the pod
			in.Target.Pod = &target.Pod{Volumes: []target.Volume{{Name: "shared", Kind: target.EmptyDir}}}
			in.Target.Mounts = append(in.Target.Mounts, target.VolumeMount{Volume: "shared", Path: rest})
		case "env":
			config.Env = append(config.Env, rest)
		case "replica":
			in.Target.Pod = &target.Pod{Name: rest, Passing: true}
		case "target-user":
			in.Target.User = rest
		case "seeding": // by the image's own programs
			if in.Seeding, err = plan.ChooseSeeding(context.Background(), in.Facts, in.Tree, plan.SeedOffer{}); err != nil {
				t.Fatal(err)
			}
		case "filecap":
			caps = append(caps, image.Entry{Path: rest, Kind: image.File, Mode: 0o755, Caps: netBind})
		default:
			t.Fatalf("config line %q", line)
		}
	}
	if len(caps) > 0 {
		all, _, err := in.Tree.List(context.Background(), "/", 1000)
		if err != nil {
			t.Fatal(err)
		}
		in.Tree = image.NewMemTree(append(all, caps...), nil)
	}
}

func profileText(p profile.Profile) string {
	var b strings.Builder
	fmt.Fprintf(&b, "user %d:%d\n", p.User.UID, p.User.GID)
	for _, m := range p.Mounts {
		fmt.Fprintf(&b, "mount %s %s%s\n", m.Path, m.Kind, strings.TrimRight(" "+string(m.Medium), " "))
		if m.Private {
			b.WriteString("  private\n")
		}
		if m.Partial {
			b.WriteString("  partial\n")
		}
		if m.Rewritable {
			b.WriteString("  rewritable\n")
		}
	}
	if p.WorkingDir != "" {
		fmt.Fprintf(&b, "workingDir %s\n", p.WorkingDir)
	}
	for _, name := range []string{"HOME", plan.TempVariable} {
		if p.Env[name] != "" {
			fmt.Fprintf(&b, "%s %s\n", name, p.Env[name])
		}
	}
	if p.FSGroup != 0 {
		fmt.Fprintf(&b, "fsGroup %d\n", p.FSGroup)
	}
	if p.LowPorts {
		b.WriteString("low ports\n")
	}
	if p.Ping {
		b.WriteString("ping\n")
	}
	if len(p.AddCapabilities) > 0 {
		fmt.Fprintf(&b, "capabilities %v\n", p.AddCapabilities)
	}
	return b.String()
}

// TestFirst plans the first profile for the first user that Users lists.
func TestFirst(t *testing.T) {
	goldens(t, "first", func(t *testing.T, _ *txtar.Archive, in plan.Input) string {
		users, err := plan.Users(context.Background(), in)
		if err != nil {
			t.Fatal(err)
		}
		pl, err := plan.First(context.Background(), in, users[0])
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		b.WriteString(profileText(pl.Profile))
		for _, r := range pl.Reasons {
			fmt.Fprintf(&b, "reason %s: %s\n", r.Field, r.Why)
		}
		for _, d := range pl.Deferred {
			fmt.Fprintf(&b, "deferred %s %s\n", d.Path, d.Content)
		}
		for _, e := range pl.Unmountable {
			fmt.Fprintf(&b, "unmountable %s\n", e.Path)
		}
		for _, e := range pl.Noise {
			fmt.Fprintf(&b, "noise %s\n", e.Path)
		}
		return b.String()
	})
}

// TestRepairs widens the first profile after the failed run "run". "profile" changes the profile before: by lines "mount PATH
// KIND [MEDIUM]", "no PATH", "user UID:GID", "fsGroup GID", "HOME PATH".
func TestRepairs(t *testing.T) {
	goldens(t, "repairs", func(t *testing.T, a *txtar.Archive, in plan.Input) string {
		cur, repairs, err := proposals(t, a, in)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		fmt.Fprintf(&b, "from\n%s", indent(profileText(cur)))
		for i, r := range repairs {
			fmt.Fprintf(&b, "repair %d\n%s", i+1, indent(profileText(r.Profile)))
			for _, x := range r.Blames {
				fmt.Fprintf(&b, "  blames %s (%s, %s): %s\n", x.Setting, r.Rule, x.Strength, x.Evidence)
			}
			for _, x := range r.Reasons {
				fmt.Fprintf(&b, "  reason %s: %s\n", x.Field, x.Why)
			}
		}
		return b.String()
	})
}

// proposals returns the first profile with the changes of a case, and the proposals after the case's failed run.
func proposals(t *testing.T, a *txtar.Archive, in plan.Input) (profile.Profile, []plan.Proposal, error) {
	t.Helper()
	run, err := observetest.Parse(golden.Section(a, "run"))
	if err != nil {
		t.Fatal(err)
	}
	users, err := plan.Users(t.Context(), in)
	if err != nil {
		return profile.Profile{}, nil, err
	}
	first, err := plan.First(t.Context(), in, users[0])
	if err != nil {
		return profile.Profile{}, nil, err
	}
	cur := changed(t, first.Profile, golden.Section(a, "profile"))
	repairs, err := plan.Proposals(t.Context(), in, first, cur, run)
	return cur, repairs, err
}

// changed returns a profile with the changes of the lines of a text.
func changed(t *testing.T, p profile.Profile, text string) profile.Profile {
	t.Helper()
	for line := range strings.Lines(text) {
		f := append(strings.Fields(line), "", "")
		var err error
		switch f[0] {
		case "mount":
			p = p.WithMount(profile.Mount{Path: f[1], Kind: profile.MountKind(f[2]), Medium: profile.Medium(f[3])})
		case "no":
			p = p.WithoutMount(f[1])
		case "user":
			_, err = fmt.Sscanf(f[1], "%d:%d", &p.User.UID, &p.User.GID)
		case "fsGroup":
			p.FSGroup, err = strconv.ParseInt(f[1], 10, 64)
		case "HOME":
			p = p.WithEnv("HOME", f[1])
		default:
			t.Fatalf("profile line %q", line)
		}
		if err != nil {
			t.Fatalf("profile line %q: %v", line, err)
		}
	}
	return p
}

func indent(s string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(s, "\n"), "\n", "\n  ") + "\n"
}
