package config

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// Draft is a new podseal.yaml that a user is to complete.
type Draft struct {
	// Source is what the draft is made from, for the comment at its top.
	Source  string
	Outputs Outputs // of all targets
	Targets []DraftTarget
	// Result says in a comment where the result is written.
	Result string
}

// DraftTarget is a target of a draft. Either Image or Manifest is set.
type DraftTarget struct {
	Name, Image, Manifest      string
	Container, Service, Select string
	StandIns, Completes        bool
	Needs                      []Need
	Note                       string // a comment; empty for none
}

// Text returns the file.
func (d Draft) Text() []byte {
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s", SchemaComment)
	line("#")
	line("# The targets of podseal, made by podseal init from %s.", comment(d.Source))
	line("#   podseal config verify   checks this file without running anything")
	line("#   podseal run             seals all targets; podseal run NAME seals one")
	line("#   podseal check           compares the manifests with the seal files, in CI")
	line("")
	line("version: %d", Version)
	line("")
	line("defaults:")
	line("  ready:")
	line("    timeout: 2m            # from the start; conditions: http, log, exec, command")
	line("  # soak: 10s              # keep running after the commands: some applications write late")
	line("  # accept:                # exceptions that a target may have")
	line("  #   - {setting: readOnlyRootFilesystem, reason: why, expires: 2030-12-31}")
	line("  outputs:                 # %s", comment(d.Result))
	for _, f := range d.Outputs.files() {
		if f.name != "" {
			line("    %s: %s", f.key, scalar(f.name))
		}
	}
	if d.Outputs.Format != "" {
		line("    format: %s", scalar(d.Outputs.Format))
	}
	if d.Outputs.InPlace {
		line("    inPlace: true")
	}
	line("")
	line("targets:")
	for i, t := range d.Targets {
		if i > 0 {
			line("")
		}
		t.write(line, i == 0)
	}
	return b.Bytes()
}

// write writes a target. The first one has the comments.
func (t DraftTarget) write(line func(format string, args ...any), first bool) {
	line("  - name: %s", scalar(t.Name))
	if t.Note != "" {
		line("    # %s", comment(t.Note))
	}
	for _, f := range []struct{ key, value string }{
		{"image", t.Image}, {"manifest", t.Manifest}, {"service", t.Service}, {"select", t.Select}, {"container", t.Container},
	} {
		if f.value != "" {
			line("    %s: %s", f.key, scalar(f.value))
		}
	}
	if t.StandIns {
		line("    standIns: true         # random values for ConfigMaps and Secrets that are not in the manifest")
	}
	if t.Completes {
		line("    completes: true        # it runs to its end")
	}
	t.writeNeeds(line)
	if !first {
		line("    commands: []")
		return
	}
	if t.Image != "" {
		line("    # env: {NAME: value, TOKEN: }   # without a value: that of this machine")
		line("    # needs: [db]                   # what starts first, by its name: a service or another target")
	}
	line("    # Without commands, only the start and readiness are checked. A seal is as good as its commands: they should")
	line("    # use everything that the application does. PODSEAL_URL, PODSEAL_HOST and PODSEAL_PORT name its ports.")
	line("    commands: []")
	line("    # commands:")
	line("    #   - curl -fsS $PODSEAL_URL/      # on this machine, in the folder of this file")
	line("    #   - exec: test -s /etc/passwd    # in the container")
	line("    #   - suite: uploads               # the report says which suite needs what")
	line("    #     commands: [./e2e/upload.sh]")
}

func (t DraftTarget) writeNeeds(line func(format string, args ...any)) {
	if len(t.Needs) == 0 {
		return
	}
	line("    needs:")
	for _, n := range t.Needs {
		if n.Name != "" {
			line("      - %s", scalar(n.Name))
			continue
		}
		var names []string
		for _, s := range n.Services {
			names = append(names, quoted(s))
		}
		line("      - {compose: %s, services: [%s]}", quoted(n.Compose), strings.Join(names, ", "))
	}
}

// comment returns a text that ends no comment.
func comment(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || !unicode.IsPrint(r) && r != ' ' {
			return ' '
		}
		return r
	}, s)
}

// scalar returns a text as a value of YAML in one line.
func scalar(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	text, err := yaml.Marshal(s)
	if out := strings.TrimSuffix(string(text), "\n"); err == nil && !strings.ContainsAny(out, "\n\\") {
		return out
	}
	return quoted(s)
}

// quoted returns a text in double quotes. The escapes of Go are those of YAML.
func quoted(s string) string { return strconv.Quote(s) }

// NameOf returns a text as the name of a target: small letters, digits and -; "app" where nothing is left.
func NameOf(s string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(s))
	name = strings.Trim(name[:min(len(name), maxName)], "-")
	if name == "" {
		return "app"
	}
	return name
}
