package pod_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/pod"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// TestRead reads the pods of testdata/*.txtar: "in.yaml" and "with.yaml" are the input, the comment has flags, a line
// each (allow-hostpath, stand-ins, env NAME=VALUE, port N, ready-http PATH, user U, entrypoint P, chosen NAME). "want"
// is what each pod becomes.
func TestRead(t *testing.T) {
	golden.Run(t, "testdata/*.txtar", func(t *testing.T, a *txtar.Archive) []txtar.File {
		return golden.Want(readArchive(t, a))
	})
}

func readArchive(t *testing.T, a *txtar.Archive) string {
	t.Helper()
	objects := pod.Objects{Seed: []byte(seed(string(a.Comment)))}
	var in *manifest.File
	for _, f := range a.Files {
		if f.Name != "in.yaml" && f.Name != "with.yaml" {
			continue
		}
		file, err := manifest.Parse(f.Name, f.Data, "")
		if err != nil {
			t.Fatal(err)
		}
		objects.Add(file)
		if f.Name == "in.yaml" {
			in = file
		}
	}
	var b bytes.Buffer
	for _, p := range in.Pods {
		got, err := pod.Read(p, &objects, options(t, a))
		if err != nil {
			fmt.Fprintf(&b, "error: %v\n", err)
			continue
		}
		dump(&b, got)
	}
	return b.String()
}

// seed is the seed of stand-ins, if the comment asks for them.
func seed(comment string) string {
	if strings.Contains(comment, "stand-ins\n") {
		return "seed"
	}
	return ""
}

func options(t *testing.T, a *txtar.Archive) pod.Options {
	t.Helper()
	var o pod.Options
	for line := range strings.Lines(string(a.Comment)) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "allow-hostpath":
			o.AllowHostPath = true
		case "env":
			name, value, _ := strings.Cut(rest, "=")
			o.Flags.Env = append(o.Flags.Env, target.EnvVar{Name: name, Value: value})
		case "port":
			var n int
			_, _ = fmt.Sscan(rest, &n)
			o.Flags.Ports = append(o.Flags.Ports, n)
		case "ready-http":
			o.Flags.Ready.HTTP = rest
		case "user":
			o.Flags.User = rest
		case "entrypoint":
			o.Flags.Entrypoint = strings.Fields(rest)
		case "chosen":
			o.Chosen = append(o.Chosen, rest)
		case "#", "", "stand-ins":
		default:
			t.Fatalf("flag %q", line)
		}
	}
	return o
}

func dump(b *bytes.Buffer, p *pod.Pod) {
	for i, name := range p.Names() {
		t := p.Target(name, nil)
		if i == 0 {
			dumpPod(b, t.Pod)
		}
		m := p.Members[i]
		fmt.Fprintf(b, "%s %s: image %s\n", m.Kind, m.Name, t.Image)
		dumpTarget(b, t)
	}
}

func number(n *int64) string {
	if n == nil {
		return "none"
	}
	return fmt.Sprint(*n)
}

func dumpPod(b *bytes.Buffer, p *target.Pod) {
	passing := ""
	if p.Passing {
		passing = " in the runs"
	}
	fmt.Fprintf(b, "%s: hostname %s%s, ports %v, groups %v, fsGroup %s, sysctls %v\n", p.Original, p.Name, passing, p.Ports, p.Groups, number(p.FSGroup), p.Sysctls)
	for _, h := range p.Hosts {
		fmt.Fprintf(b, "host %s\n", h)
	}
	for _, v := range p.Volumes {
		fmt.Fprintf(b, "volume %s: %s%s%s%s\n", v.Name, v.Kind, space(string(v.Medium)), space(v.Path), space(v.Declared+word(v.Creatable, " creatable")))
		for _, f := range v.Files {
			fmt.Fprintf(b, "  %04o %s %q\n", f.Mode, f.Path, f.Content)
		}
	}
	for _, s := range p.Unsupported {
		fmt.Fprintf(b, "unsupported: %s\n", s)
	}
}

func space(s string) string { return strings.TrimRight(" "+s, " ") }

func dumpTarget(b *bytes.Buffer, t target.Target) {
	line := func(is bool, format string, args ...any) {
		if is {
			fmt.Fprintf(b, "  "+format+"\n", args...)
		}
	}
	line(t.Entrypoint != nil, "command %q", t.Entrypoint)
	line(t.Args != nil, "args %q", t.Args)
	for _, v := range t.Env {
		line(true, "env %s=%q", v.Name, v.Value)
	}
	line(len(t.Secrets) > 0, "shown as %q %q", t.Concealed(t.Entrypoint), t.Concealed(t.Args))
	line(t.User != "", "user %s", t.User)
	line(t.WorkingDir != "", "workingDir %s", t.WorkingDir)
	line(len(t.Ports) > 0, "ports %v", t.Ports)
	line(t.Completes, "completes")
	line(len(t.AddCapabilities) > 0, "capabilities %v", t.AddCapabilities)
	line(t.Memory > 0, "memory %d", t.Memory)
	line(t.Grace > 0, "grace %s", t.Grace)
	for _, m := range t.Mounts {
		line(true, "mount %s: %s%s%s%s", m.Path, m.Volume, space(m.SubPath), word(m.ReadOnly, " read-only"), word(m.Own, " own"))
	}
	for _, p := range t.Ready.Probes {
		line(true, "ready %s %s", p.Name+word(p.Of != "", " of "+p.Of), probeText(p))
	}
	for name, h := range map[string]*target.Hook{"postStart": t.PostStart} {
		line(h != nil, "%s %s", name, hookText(h))
	}
	line(t.PreStop != nil, "preStop %s", hookText(t.PreStop))
	line(t.Ready.Given(), "ready as the user says")
	line(t.Pod.Default != "", "commands go to %s", t.Pod.Default)
	line(len(t.Pod.Before) > 0, "after %s", members(t.Pod.Before))
	line(len(t.Pod.After) > 0, "before %s", members(t.Pod.After))
}

func members(list []target.Member) string {
	var out []string
	for _, m := range list {
		out = append(out, m.Name)
	}
	return strings.Join(out, ", ")
}

func word(is bool, s string) string {
	if is {
		return s
	}
	return ""
}

func probeText(p target.Probe) string {
	s := fmt.Sprintf("within %s: ", p.Timeout)
	switch {
	case p.HTTP != nil:
		return s + fmt.Sprintf("%+v", *p.HTTP)
	case p.TCP != 0:
		return s + fmt.Sprintf("tcp %d", p.TCP)
	case p.GRPC != 0:
		return s + fmt.Sprintf("grpc %d %q", p.GRPC, p.Service)
	}
	return s + fmt.Sprintf("%q", p.Argv)
}

func hookText(h *target.Hook) string {
	switch {
	case h == nil:
		return ""
	case h.HTTP != nil:
		return fmt.Sprintf("%+v", *h.HTTP)
	case len(h.Argv) > 0:
		return fmt.Sprintf("%q", h.Argv)
	}
	return "sleep " + h.Sleep.String()
}

// TestProfiles puts the profiles of sealed containers around the one to seal, and leaves the others open.
func TestProfiles(t *testing.T) {
	file, err := manifest.Parse("in.yaml", []byte(`{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {
		initContainers: [{name: a, image: x}], containers: [{name: b, image: x}, {name: c, image: x}, {name: d, image: x}]}}`), "")
	if err != nil {
		t.Fatal(err)
	}
	p, err := pod.Read(file.Pods[0], nil, pod.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sealed := profile.Profile{User: profile.User{UID: 7}}
	got := p.Target("c", map[string]profile.Profile{"a": sealed, "c": sealed})
	profiles := map[string]bool{}
	for _, m := range slices.Concat(got.Pod.Before, got.Pod.After) {
		profiles[m.Name] = m.Profile.Open
	}
	if want := (map[string]bool{"a": false, "b": true, "d": true}); !maps.Equal(profiles, want) {
		t.Errorf("open: %v, want %v", profiles, want)
	}
	if none := p.Target("nobody", nil); none.Image != "" {
		t.Errorf("a container that is not there: %+v", none)
	}
}
