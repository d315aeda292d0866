package dockerfile

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Base is what is known of a base image.
type Base struct {
	Family   Family
	User     *string           // its USER; nil if not known
	Accounts map[string]string // accounts that it has: name to "uid:gid"
	Prefer   string            // the account that it has for applications; empty if none
	Env      map[string]string // that a USER may use
}

// Family is a kind of base image: how users are made there.
type Family string

// The families of base images.
const (
	Debian     Family = "debian" // and Ubuntu
	Alpine     Family = "alpine"
	RedHat     Family = "redhat"     // with useradd
	Minimal    Family = "minimal"    // a shell, but no tool that makes users
	Distroless Family = "distroless" // no shell, has the account nonroot
	Scratch    Family = "scratch"
	Windows    Family = "windows"
	Unknown    Family = ""
)

// Rule ids of findings.
const (
	RuleRoot       = "root"
	RuleNamed      = "named-user"
	RuleMissing    = "missing-user"
	RuleLowPort    = "low-port"
	RuleChownLayer = "chown-layer"
	RuleBase       = "unknown-base"
)

// Finding is one fact about a Dockerfile.
type Finding struct {
	Rule string `json:"rule"`
	Line int    `json:"line"`
	Says string `json:"says"`
}

// who is what a Dockerfile says of the user, and what is known of it.
type who struct {
	user  string // effective USER; "" is root
	line  int    // of the USER, or of the FROM
	base  Base
	image string // the base image
	made  []made
	from  bool // the user comes from the base image
	known bool // false where the base image's user is not known

	begins string // the user that the final stage begins with; "" is root, or not known
}

func (f *File) who(target int, lookup func(string) Base) who {
	stages, image := f.chain(target)
	w := who{image: image, base: lookup(image), made: madeIn(stages), line: stages[0].From.Line, known: true}
	w.begins = w.inherited(stages[1:])
	for _, s := range stages {
		if s.UserAt >= 0 {
			w.user, w.line = s.User, s.Body[s.UserAt].Line
			if w.user == "" {
				w.user = os.Expand(s.UserText, func(name string) string { return w.base.Env[name] })
			}
			w.known = w.user != ""
			return w
		}
	}
	w.from = true
	if w.known = w.base.User != nil; w.known {
		w.user = *w.base.User
	}
	return w
}

// inherited is the user that earlier stages or the base image leave.
func (w who) inherited(earlier []*Stage) string {
	for _, s := range earlier {
		if s.UserAt >= 0 {
			return s.User
		}
	}
	if w.base.User != nil {
		return *w.base.User
	}
	return ""
}

// uid resolves the user part as far as it is known.
func (w who) uid() (uid int64, group string, known bool) {
	name, group, _ := strings.Cut(w.user, ":")
	if name == "" || name == "root" {
		return 0, group, true
	}
	if id, err := strconv.ParseInt(name, 10, 64); err == nil {
		return id, group, true
	}
	if m, ok := find(w.made, true, name); ok {
		return m.id, group, m.id >= 0
	}
	if ids, ok := w.base.Accounts[name]; ok {
		id, gid, _ := strings.Cut(ids, ":")
		n, err := strconv.ParseInt(id, 10, 64)
		if group == "" {
			group = gid
		}
		return n, group, err == nil
	}
	return -1, group, false
}

// named tells whether the user is given by a name.
func (w who) named() bool {
	name, _, _ := strings.Cut(w.user, ":")
	_, err := strconv.ParseInt(name, 10, 64)
	return name != "" && err != nil
}

// fine tells whether the user is a number that is not root.
func (w who) fine() bool {
	uid, _, known := w.uid()
	return w.known && known && uid > 0 && !w.named()
}

func (w who) findings() []Finding {
	uid, _, known := w.uid()
	src := fmt.Sprintf("USER %s", w.user)
	if w.from {
		src = fmt.Sprintf("USER %s, from the base image %s,", w.user, w.image)
	}
	switch {
	case !w.from && !w.known:
		return []Finding{{RuleBase, w.line, "USER is a variable that the Dockerfile gives no value: it is root where nobody gives one"}}
	case w.from && !w.known && w.image == "":
		return []Finding{{RuleBase, w.line, "no USER, and the base image is not known, since an ARG has no default: it runs as root unless the base image says otherwise"}}
	case w.from && !w.known:
		return []Finding{{RuleBase, w.line, fmt.Sprintf("no USER, and the base image %s is not known: it runs as root unless that says otherwise", w.image)}}
	case known && uid == 0 && w.from:
		return []Finding{{RuleRoot, w.line, fmt.Sprintf("it runs as root: no USER, and the base image %s has none", w.image)}}
	case known && uid == 0:
		return []Finding{{RuleRoot, w.line, fmt.Sprintf("it runs as root: USER %s", w.user)}}
	case w.named() && w.nowhere():
		return []Finding{{RuleMissing, w.line, src + ": nothing makes that user, and the base image does not have it"}}
	case w.named():
		return []Finding{{RuleNamed, w.line, src + " is a name: the kubelet cannot verify that it is not root and refuses it under runAsNonRoot"}}
	}
	return nil
}

// nowhere tells whether a named user cannot exist: the base image has no package manager that could have made it, and
// its accounts are known.
func (w who) nowhere() bool {
	name, _, _ := strings.Cut(w.user, ":")
	_, here := find(w.made, true, name)
	_, there := w.base.Accounts[name]
	return !here && !there && (w.base.Family == Scratch || w.base.Family == Distroless)
}

// bodyFindings are those about the instructions of the final stage.
func (f *File) bodyFindings(s *Stage) []Finding {
	var out []Finding
	for _, in := range s.Body {
		switch in.Name {
		case "expose":
			for _, w := range in.Words {
				port, _, _ := strings.Cut(w, "/")
				if n, err := strconv.Atoi(port); err == nil && n > 0 && n < 1024 {
					out = append(out, Finding{RuleLowPort, in.Line, fmt.Sprintf("port %d is below 1024: not every runtime lets a non-root user "+
						"listen there; let the application listen above, or set the pod sysctl net.ipv4.ip_unprivileged_port_start=0", n)})
				}
			}
		case "run":
			if dir, ok := chownsCopied(s, in); ok {
				out = append(out, Finding{RuleChownLayer, in.Line, fmt.Sprintf("chown -R of %s after a COPY stores every file twice: COPY --chown does not", dir)})
			}
		}
	}
	return out
}

// chownsCopied finds a recursive chown of what an earlier COPY brought.
func chownsCopied(s *Stage, run Instruction) (string, bool) {
	for _, words := range commandsOf(run) {
		if path.Base(words[0]) != "chown" || !slices.ContainsFunc(words, recursive) {
			continue
		}
		for _, dir := range words[1:] {
			for _, in := range s.Body {
				if in.Line < run.Line && isCopy(in) && path.IsAbs(dir) && within(destination(s, in), path.Clean(dir)) {
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

func isCopy(in Instruction) bool { return (in.Name == "copy" || in.Name == "add") && len(in.Words) > 1 }

// destination is the absolute path that a COPY writes to.
func destination(s *Stage, in Instruction) string {
	dir := "/"
	for _, x := range s.Body {
		if x.Line >= in.Line {
			break
		}
		if x.Name == "workdir" && len(x.Words) > 0 {
			dir = join(dir, x.Words[0])
		}
	}
	return join(dir, in.Words[len(in.Words)-1])
}

func join(dir, p string) string {
	if path.IsAbs(p) {
		return path.Clean(p)
	}
	return path.Join(dir, p)
}

func within(at, dir string) bool {
	return at == dir || dir == "/" || strings.HasPrefix(at, dir+"/")
}
