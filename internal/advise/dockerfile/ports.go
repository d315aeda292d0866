package dockerfile

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/podseal/podseal/internal/advise/shellscript"
)

// exposed is a port of an EXPOSE, or a range of ports, with its variables replaced.
type exposed struct {
	text string
	line int
}

// expose follows EXPOSE.
func (s *state) expose(f *File, in Instruction) {
	for _, w := range in.Words {
		s.ports = append(s.ports, exposed{f.expand(w, s.scope.all()), in.Line})
	}
}

// portFindings returns the findings about ports below 1024: those of EXPOSE, of this stage and of those that it begins
// with, or else of the base image, and those that the command names in addition.
func (c stageCheck) portFindings() []Finding {
	ports, source := c.state.ports, ""
	if len(ports) == 0 {
		for _, p := range c.state.base.Ports {
			ports = append(ports, exposed{p, c.state.fromLine})
		}
		source = fmt.Sprintf(", which the base image %s exposes,", c.state.image)
	}
	var out []Finding
	known := map[int]bool{}
	for _, p := range ports {
		first, _, _ := strings.Cut(p.text, "-")
		first, _, _ = strings.Cut(first, "/")
		n, _ := strconv.Atoi(first)
		known[n] = true
		if f, ok := portFinding(p.text, source, p.line); ok {
			out = append(out, f)
		}
	}
	for _, a := range []struct {
		name string
		argv []string
		line int
	}{{"ENTRYPOINT", c.state.entrypoint, c.state.entrypointLine}, {"CMD", c.state.cmd, c.state.cmdLine}} {
		for _, n := range commandPorts(a.argv, c.state.scope.all()) {
			if !known[n] {
				known[n] = true
				out = append(out, lowPort(fmt.Sprintf("port %d, which %s names, is", n, a.name), strconv.Itoa(n), a.line))
			}
		}
	}
	return out
}

// portFinding returns the finding about an exposed port, or a range of ports, below 1024. source says who exposes it, where
// that is not the line.
func portFinding(port, source string, line int) (Finding, bool) {
	numbers, protocol, _ := strings.Cut(port, "/")
	first, last, isRange := strings.Cut(numbers, "-")
	n, err := strconv.Atoi(first)
	if err != nil || n <= 0 || n >= lowest {
		return Finding{}, false
	}
	subject := "port " + first + source + " is"
	if isRange {
		subject = fmt.Sprintf("ports %s to %s%s begin", first, last, source)
	}
	if protocol != "" && protocol != "tcp" {
		subject = protocol + " " + subject
	}
	return lowPort(subject, port, line), true
}

// lowest is the first port that needs no privilege.
const lowest = 1024

func lowPort(subject, port string, line int) Finding {
	return Finding{RuleLowPort, line, subject + " below 1024: not every runtime lets a non-root user " +
		"listen there; let the application listen above, or set the pod sysctl net.ipv4.ip_unprivileged_port_start=0", port}
}

var (
	// anyAddress matches an address to listen on, in all networks, with a port: "0.0.0.0:80", ":80", "[::]:80", "*:80".
	anyAddress = regexp.MustCompile(`^(?:(?:tcp|http|https)://)?(?:0\.0\.0\.0|\[::\]|\*|):(\d{1,5})/?$`)
	// portOption matches an option whose value is a port to listen on, and not one of another server.
	portOption = regexp.MustCompile(`(?i)^(?:--?|-D)(?:(?:https?|server|listen|web|bind|api|metrics|application|app)[-._]?)*port$`)
)

// commandPorts returns the ports below 1024 that a command line says to listen on, each once.
func commandPorts(argv []string, vars map[string]string) []int {
	var out []int
	for _, words := range commandLines(argv, vars) {
		for i, w := range words {
			name, value, joined := strings.Cut(w, "=")
			switch {
			case !joined && i+1 < len(words) && strings.HasPrefix(w, "-"):
				value = words[i+1]
			case !joined:
				name, value = "", w
			}
			if n := listens(name, value); n > 0 && !slices.Contains(out, n) {
				out = append(out, n)
			}
			if n := listens("", w); n > 0 && !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
	}
	return out
}

// listens returns the port below 1024 that an option with its value, or an operand, says to listen on; 0 if it is none.
func listens(option, value string) int {
	if found := anyAddress.FindStringSubmatch(value); found != nil {
		value = found[1]
	} else if !portOption.MatchString(option) {
		return 0
	}
	n, err := strconv.Atoi(value)
	if err != nil || n <= 0 || n >= lowest {
		return 0
	}
	return n
}

// commandLines returns the words of each command of a command line: those of the script of `sh -c SCRIPT`, else its own.
func commandLines(argv []string, vars map[string]string) [][]string {
	if len(argv) < 3 || !slices.Contains([]string{"sh", "bash", "ash", "dash"}, path.Base(argv[0])) || argv[1] != "-c" {
		return [][]string{argv}
	}
	var out [][]string
	commands, _ := shellscript.Parse(argv[2]) // the commands before a place that cannot be parsed count
	for _, c := range commands {
		out = append(out, c.Words(shellscript.Env{Vars: vars}))
	}
	return out
}
