package emit

import (
	"strings"

	"github.com/podseal/podseal/internal/podspec"
	"github.com/podseal/podseal/internal/shell"
)

// DockerRun writes sealed containers as docker run lines for a shell. A setting that such a line cannot have is noted.
func DockerRun(all []Input) (View, error) {
	list, err := services(all)
	if err != nil {
		return View{}, err
	}
	var out View
	var b strings.Builder
	for i, s := range list {
		out.Notes = append(out.Notes, s.notes...)
		if i > 0 {
			b.WriteString("\n")
		}
		if len(list) > 1 {
			b.WriteString("# " + s.name + "\n")
		}
		b.WriteString(commented(s.notes))
		b.WriteString("docker run --rm")
		for _, words := range s.dockerFlags() {
			b.WriteString(" \\\n ")
			for _, w := range words {
				b.WriteString(" " + shell.Quote(w))
			}
		}
		b.WriteString("\n")
	}
	out.Text = []byte(b.String())
	return out, nil
}

// dockerFlags returns the arguments of docker run, those together that belong on one line.
func (s *service) dockerFlags() [][]string {
	var out [][]string
	add := func(words ...string) { out = append(out, words) }
	for _, f := range []struct{ flag, value string }{{"--platform", s.platform}, {"--network", s.network}, {"--workdir", s.workingDir}} {
		if f.value != "" {
			add(f.flag, f.value)
		}
	}
	if !s.hostNetwork() {
		for _, p := range s.ports {
			add("--publish", "127.0.0.1::"+p)
		}
		add("--sysctl", podspec.LowPortsSysctl+"="+s.lowPortsValue())
		if s.profile.Ping {
			add("--sysctl", podspec.PingSysctl+"="+podspec.PingGroups)
		}
	}
	for _, v := range s.env {
		if v.given {
			add("--env", v.name+"="+v.value)
		} else {
			add("--env", v.name)
		}
	}
	add("--user", s.user())
	for _, g := range s.groups() {
		add("--group-add", g)
	}
	if !s.profile.WritableRoot {
		add("--read-only")
	}
	for _, f := range s.tmpfs {
		add("--tmpfs", f.path+":"+f.options)
	}
	for _, at := range s.copied {
		add("--volume", at)
	}
	add("--cap-drop", "ALL")
	for _, c := range s.profile.AddCapabilities {
		add("--cap-add", c)
	}
	if !s.profile.AllowPrivilegeEscalation {
		add("--security-opt", "no-new-privileges")
	}
	return append(out, s.dockerCommand())
}

// dockerCommand returns the image with what it runs. A shell has one word for --entrypoint; the others are arguments.
func (s *service) dockerCommand() []string {
	if s.entrypoint == nil {
		return append([]string{s.image}, s.args...)
	}
	program, rest := "", s.entrypoint
	if len(rest) > 0 {
		program, rest = rest[0], rest[1:]
	}
	out := append([]string{"--entrypoint", program, s.image}, rest...)
	return append(out, s.args...)
}
