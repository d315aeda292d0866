package dockerfile

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/advise/launch"
)

// Rule ids of findings.
const (
	RuleRoot       = "root"
	RuleDrops      = "root-drops"
	RuleWorkers    = "root-workers-drop"
	RuleNamed      = "named-user"
	RuleMissing    = "missing-user"
	RuleLowPort    = "low-port"
	RuleChownLayer = "chown-layer"
	RuleBase       = "unknown-base"
	RuleCaps       = "file-capabilities"
	RuleOnbuild    = "onbuild"
	RuleHealth     = "healthcheck"
	RuleStart      = "start-writes"
)

// Finding is one fact about a Dockerfile.
type Finding struct {
	Rule string `json:"rule"`
	Line int    `json:"line"`
	Says string `json:"says"`
	// Subject distinguishes findings of one rule, whatever their lines: a port, a file.
	Subject string `json:"-"`
}

// stageCheck is the final stage with what is known of it.
type stageCheck struct {
	file    *File
	stage   *Stage
	state   state
	context fs.FS

	drop    launch.Drop // by which root becomes another user
	dropped bool
}

func check(f *File, target int, opts Options) stageCheck {
	e := evaluator{file: f, lookup: opts.Base, context: opts.Context, done: map[int]state{}}
	c := stageCheck{file: f, stage: &f.Stages[target], state: e.stage(target), context: opts.Context}
	if uid, _, known := c.state.uid(); known && uid == 0 {
		c.drop, c.dropped = c.state.drops(opts.Context)
	}
	return c
}

// findings returns the findings about the user, then those about the instructions of the final stage.
func (c stageCheck) findings() []Finding {
	var out []Finding
	if c.state.base.Family != Windows {
		out = c.userFindings()
	}
	out = append(out, c.portFindings()...)
	out = append(out, c.startFindings()...)
	for _, in := range c.stage.Body {
		out = append(out, c.instructionFindings(in)...)
	}
	for _, x := range c.state.setcaps {
		out = append(out, Finding{RuleCaps, x.line, fmt.Sprintf("setcap %s on %s: under `capabilities: drop: [ALL]` the kernel does not start the "+
			"program (operation not permitted); leave setcap out%s", x.caps, x.file, insteadOf(x.caps)), x.file})
	}
	return out
}

// insteadOf returns what makes a file capability unnecessary.
func insteadOf(caps string) string {
	if strings.Contains(strings.ToLower(caps), "cap_net_bind_service") {
		return ", and listen on a port above 1023 or set the pod sysctl net.ipv4.ip_unprivileged_port_start=0"
	}
	var names []string
	for clause := range strings.FieldsSeq(strings.ToUpper(caps)) {
		list, _, _ := strings.Cut(clause, "=")
		list, _, _ = strings.Cut(list, "+")
		names = append(names, strings.Split(strings.ReplaceAll(list, "CAP_", ""), ",")...)
	}
	return fmt.Sprintf(" if the program works without it, or add %s to the container's capabilities", strings.Join(names, " and "))
}

func (c stageCheck) userFindings() []Finding {
	s := &c.state
	uid, _, known := s.uid()
	source := fmt.Sprintf("USER %s", s.user)
	if s.fromBase {
		source = fmt.Sprintf("USER %s, from the base image %s,", s.user, s.image)
	}
	switch {
	case !s.known && (!s.fromBase || !c.dropped):
		return []Finding{{RuleBase, s.userLine, unknownUser(s), "USER"}}
	case c.dropped && known && uid == 0:
		return []Finding{c.dropFinding()}
	case known && uid == 0 && s.fromBase:
		return []Finding{{RuleRoot, s.userLine, fmt.Sprintf("it runs as root: no USER, and the base image %s has none", s.image), "USER"}}
	case known && uid == 0:
		return []Finding{{RuleRoot, s.userLine, fmt.Sprintf("it runs as root: USER %s", s.user), "USER"}}
	case s.named() && s.nowhere():
		return []Finding{{RuleMissing, s.userLine, source + ": nothing makes that user, and the base image does not have it", "USER"}}
	case s.named():
		return []Finding{{RuleNamed, s.userLine, source + " is a name: the kubelet cannot verify that it is not root and refuses it under runAsNonRoot", "USER"}}
	}
	return nil
}

// unknownUser says why the user is not known.
func unknownUser(s *state) string {
	switch {
	case !s.fromBase:
		return "USER is a variable that the Dockerfile gives no value: it is root where nobody gives one"
	case s.image == "":
		return "no USER, and the base image is not known, since an ARG has no default: it runs as root unless the base image says otherwise"
	default:
		return fmt.Sprintf("no USER, and the base image %s is not known: it runs as root unless that says otherwise", s.image)
	}
}

// dropFinding returns the finding about an image that starts as root and becomes another user by itself.
func (c stageCheck) dropFinding() Finding {
	d := c.drop
	if !d.Whole {
		return Finding{RuleWorkers, c.state.userLine, fmt.Sprintf("it starts as root, and its settings name %s for its workers (%s); the first process may stay root", d.User, d.Where), "USER"}
	}
	if c.state.baseStarts() {
		return Finding{RuleDrops, c.state.userLine, fmt.Sprintf("it starts as root, and the entrypoint of the base image %s drops to %s", c.state.image, d.User), "USER"}
	}
	return Finding{RuleDrops, c.state.userLine, fmt.Sprintf("it starts as root, and its entrypoint drops to %s by %s (%s)", d.User, d.Tool, d.Where), "USER"}
}

func (c stageCheck) instructionFindings(in Instruction) []Finding {
	var out []Finding
	vars := c.state.scope.all()
	switch in.Name {
	case "healthcheck":
		return c.healthFindings(in)
	case "run":
		if dir, ok := c.chownsCopied(in, vars); ok {
			out = append(out, Finding{RuleChownLayer, in.Line, fmt.Sprintf("chown -R of %s after a COPY stores every file twice: COPY --chown does not", dir), dir})
		}
	case "onbuild":
		return c.triggerFindings(in)
	}
	return out
}

// triggerFindings returns the findings about one ONBUILD: commands that the builds of other images run, and the user that
// the last one leaves to them.
func (c stageCheck) triggerFindings(in Instruction) []Finding {
	switch {
	case len(in.Words) == 0:
	case in.Words[0] == "run":
		return []Finding{{RuleOnbuild, in.Line, "ONBUILD RUN is run by the builds of images made from this one, as the USER of this image", strings.Join(in.Words, " ")}}
	case in.Words[0] == "user" && in.Line == c.lastTrigger("user"):
		user := c.file.expand(strings.Join(in.Words[1:], " "), c.state.scope.all())
		switch uid := c.state.accounts.uid(firstOf(user)); {
		case user == "" || isNumber(firstOf(user)) && uid > 0:
		case uid == 0:
			return []Finding{{RuleOnbuild, in.Line, fmt.Sprintf("ONBUILD USER %s: images made from this one run as root where their Dockerfile has no USER", user), user}}
		case uid > 0:
			return []Finding{{RuleOnbuild, in.Line, fmt.Sprintf("ONBUILD USER %s is a name, which the kubelet cannot verify in images made from this one: write ONBUILD USER %d", user, uid), user}}
		default:
			return []Finding{{RuleOnbuild, in.Line, fmt.Sprintf("ONBUILD USER %s is a name, which the kubelet cannot verify in images made from this one: write its number", user), user}}
		}
	}
	return nil
}

// lastTrigger returns the line of the last ONBUILD of an instruction; 0 if there is none.
func (c stageCheck) lastTrigger(name string) int {
	line := 0
	for _, in := range c.stage.Body {
		if in.Name == "onbuild" && len(in.Words) > 0 && in.Words[0] == name {
			line = in.Line
		}
	}
	return line
}

// chownsCopied finds a recursive chown of the files of an earlier COPY.
func (c stageCheck) chownsCopied(run Instruction, vars map[string]string) (string, bool) {
	for _, command := range run.commands(vars) {
		if path.Base(command.words[0]) != "chown" || !slices.ContainsFunc(command.words, recursive) {
			continue
		}
		for _, dir := range command.words[1:] {
			for _, in := range c.stage.Body {
				if in.Line < run.Line && isCopy(in) && path.IsAbs(dir) && within(c.destination(in), path.Clean(dir)) {
					return dir, true
				}
			}
		}
	}
	return "", false
}

func recursive(w string) bool {
	return w == "--recursive" || strings.HasPrefix(w, "-") && !strings.HasPrefix(w, "--") && strings.Contains(w, "R")
}

// destination returns the absolute path that a COPY writes to.
func (c stageCheck) destination(in Instruction) string {
	dir, vars := "/", c.state.scope.all()
	for _, x := range c.stage.Body {
		if x.Line >= in.Line {
			break
		}
		if x.Name == "workdir" && len(x.Words) > 0 {
			dir = join(dir, c.file.expand(x.Words[0], vars))
		}
	}
	return join(dir, c.file.expand(in.Words[len(in.Words)-1], vars))
}
