package dockerfile

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// NewID is the uid and gid of a user that a patch makes: above what systems give out by themselves, and below the limit
// of the tools that make users.
const NewID = 10001

// Options are what is wanted of Check.
type Options struct {
	Target string            // stage that is built; empty means the last one
	Base   func(string) Base // what is known of base images
	Writes []string          // folders that the application writes to, in addition to its VOLUMEs
	Name   string            // of the file, for the diff; "Dockerfile" if empty
	Args   map[string]string // build arguments
}

// Result is what was found in a Dockerfile, and the change that makes its image non-root.
type Result struct {
	Base     string    `json:"base"` // image that the final stage begins with
	Bases    []string  `json:"-"`    // images that the stages begin with, as far as they are known
	User     string    `json:"user"` // USER as it is
	Findings []Finding `json:"findings,omitempty"`
	Fine     bool      `json:"fine"` // USER is numeric and not root: nothing is changed

	NewUser string   `json:"newUser,omitempty"` // USER after the change
	Diff    string   `json:"diff,omitempty"`    // unified; empty where nothing is changed
	Patched []byte   `json:"-"`                 // the whole file after the change; the file itself where nothing is changed
	Says    []string `json:"says,omitempty"`    // what the change does, and what it cannot know
	Refused string   `json:"refused,omitempty"` // why there is no change, where one is needed
}

// Check judges a Dockerfile and makes the change.
func Check(data []byte, opts Options) (Result, error) {
	f, err := Parse(data, opts.Args)
	if err != nil {
		return Result{}, err
	}
	target, err := f.stage(opts.Target)
	if err != nil {
		return Result{}, err
	}
	w := f.who(target, opts.Base)
	r := Result{Base: w.image, User: w.user, Bases: f.bases(), Fine: w.fine(), Patched: data}
	r.Findings = append(w.findings(), f.bodyFindings(&f.Stages[target])...)
	if r.Fine {
		return r, nil
	}
	p := &patcher{file: f, stage: &f.Stages[target], who: w, writes: opts.Writes}
	if r.Refused = p.plan(); r.Refused != "" {
		return r, nil
	}
	name := opts.Name
	if name == "" {
		name = "Dockerfile"
	}
	edits := f.atEnd(sorted(p.edits))
	patched := f.apply(edits)
	if !proved(patched, opts) {
		r.Refused = "the change cannot be made safely in this file: write USER " + p.user + " as the last instruction before ENTRYPOINT by hand"
		return r, nil
	}
	r.NewUser, r.Says = p.user, p.says
	r.Diff, r.Patched = f.unified(name, edits), patched
	return r, nil
}

// proved parses the changed file again, and tells whether its user is a number that is not root now.
func proved(patched []byte, opts Options) bool {
	f, err := Parse(patched, opts.Args)
	if err != nil {
		return false
	}
	target, err := f.stage(opts.Target)
	return err == nil && f.who(target, opts.Base).fine()
}

// patcher makes the edits.
type patcher struct {
	file   *File
	stage  *Stage
	who    who
	writes []string

	user   string   // new USER
	before []string // instructions to insert before it
	edits  []edit
	says   []string
}

// plan chooses the user and makes the edits. It returns why it cannot.
func (p *patcher) plan() string {
	if p.who.base.Family == Windows {
		return "it is a Windows image: name the user in the manifest (windowsOptions.runAsUserName)"
	}
	if refused := p.choose(); refused != "" {
		return refused
	}
	p.own()
	p.place()
	return ""
}

// choose finds the numeric user: the declared one where its number is known, else one that the stages make, else the
// base image's own, else a new one.
func (p *patcher) choose() string {
	uid, group, known := p.who.uid()
	if p.who.named() && (!known || uid != 0) && !p.who.nowhere() {
		return p.number(p.who.user, uid, group)
	}
	if m, ok := p.madeUser(); ok {
		return p.number(m.name, m.id, "")
	}
	if name := p.who.base.Prefer; name != "" {
		p.user = p.who.base.Accounts[name]
		p.says = append(p.says, fmt.Sprintf("USER %s is the account %s of the base image", p.user, name))
		return ""
	}
	p.user = fmt.Sprintf("%d:%d", NewID, NewID)
	p.create()
	return ""
}

// madeUser is the last user that the stages make.
func (p *patcher) madeUser() (made, bool) {
	for _, m := range slices.Backward(p.who.made) {
		if m.isUser() && m.id != 0 && !strings.ContainsAny(m.name, "$") {
			return m, true
		}
	}
	return made{}, false
}

// number turns a named user into a numeric one.
func (p *patcher) number(user string, uid int64, group string) string {
	name, _, _ := strings.Cut(user, ":")
	m, here := find(p.who.made, true, name)
	switch {
	case uid > 0 && here:
		p.user = strconv.FormatInt(uid, 10) + p.groupOf(m, group)
	case uid > 0:
		p.user = strconv.FormatInt(uid, 10)
		if ids, ok := p.who.base.Accounts[group]; ok && !isNumber(group) {
			_, group, _ = strings.Cut(ids, ":") // the group of the account's own name
		}
		if isNumber(group) {
			p.user += ":" + group
		}
	case here:
		return p.fix(m, group)
	default:
		return fmt.Sprintf("the uid of %q is not known: nothing in the Dockerfile makes that user; read it from the base image's /etc/passwd "+
			"(`podseal advise %s` does) and write USER with the number", name, p.who.image)
	}
	p.says = append(p.says, fmt.Sprintf("USER %s is %s by its number, which the kubelet can verify", p.user, name))
	return ""
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 31)
	return err == nil
}

// groupOf is ":GID" where the group's number is known, else empty: the number is then the one of /etc/passwd.
func (p *patcher) groupOf(m made, group string) string {
	if group == "" {
		group = m.group
	}
	if isNumber(group) {
		return ":" + group
	}
	if g, ok := find(p.who.made, false, group); ok && g.id >= 0 {
		return ":" + strconv.FormatInt(g.id, 10)
	}
	return ""
}

// fix gives a number to a user that the Dockerfile makes without one, and to its group where that is made there too.
func (p *patcher) fix(m made, group string) string {
	flag := map[string]string{"useradd": "--uid", "adduser": "--uid", "groupadd": "--gid", "addgroup": "--gid"}
	if p.who.base.Family == Alpine {
		flag["adduser"], flag["addgroup"] = "-u", "-g"
	}
	if group == "" {
		group = m.group
	}
	todo := []made{m}
	p.user = strconv.Itoa(NewID)
	if g, ok := find(p.who.made, false, group); ok {
		id := g.id
		if id < 0 {
			todo, id = append(todo, g), NewID
		}
		p.user += ":" + strconv.FormatInt(id, 10)
	} else if isNumber(group) {
		p.user += ":" + group
	}
	for _, x := range todo {
		if !p.insertFlag(x, flag[x.tool]) {
			return fmt.Sprintf("line %d makes %s without a fixed number in a way that cannot be changed safely: give it one (%s %d) and write USER %s",
				x.in.Line, x.name, flag[x.tool], NewID, p.user)
		}
	}
	p.says = append(p.says, fmt.Sprintf("%s gets the fixed uid %d, so that USER can be a number", m.name, NewID))
	return ""
}

// insertFlag writes the number behind the one place of the instruction where the tool is called.
func (p *patcher) insertFlag(m made, flag string) bool {
	call := regexp.MustCompile(`(^|[\s;&|(/])` + m.tool + `\s`)
	at, n := -1, 0
	for i := m.in.Line - 1; i < m.in.Last; i++ {
		line := p.line(i)
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		if found := len(call.FindAllString(line, -1)); found > 0 {
			at, n = i, n+found
		}
	}
	if n != 1 {
		return false
	}
	where := call.FindStringIndex(p.line(at))
	line := p.line(at)[:where[1]-1] + fmt.Sprintf(" %s %d", flag, NewID) + p.line(at)[where[1]-1:]
	p.replace(at, line)
	return true
}

// line is a line as the edits until now leave it.
func (p *patcher) line(i int) string {
	for _, e := range p.edits {
		if e.at == i && e.del == 1 {
			return e.add[0]
		}
	}
	return p.file.lines[i]
}

func (p *patcher) replace(i int, line string) {
	for n, e := range p.edits {
		if e.at == i && e.del == 1 {
			p.edits[n].add[0] = line
			return
		}
	}
	p.edits = append(p.edits, edit{at: i, del: 1, add: []string{line}})
}

// create adds the account of a new user, where the base image has a tool for it. Without an account a number is enough,
// and HOME is said instead.
func (p *patcher) create() {
	switch p.who.base.Family {
	case Debian:
		p.before = append(p.before, fmt.Sprintf("RUN groupadd --gid %d app \\", NewID),
			fmt.Sprintf(" && useradd --uid %d --gid app --create-home --shell /usr/sbin/nologin app", NewID))
	case RedHat:
		p.before = append(p.before, fmt.Sprintf("RUN groupadd --gid %d app \\", NewID),
			fmt.Sprintf(" && useradd --uid %d --gid app --create-home --shell /sbin/nologin app", NewID))
	case Alpine:
		p.before = append(p.before, fmt.Sprintf("RUN addgroup -g %d -S app \\", NewID),
			fmt.Sprintf(" && adduser -u %d -S -D -G app -h /home/app -s /sbin/nologin app", NewID))
	case Scratch, Distroless:
		p.says = append(p.says, fmt.Sprintf("USER %s needs no account: a number is enough", p.user))
		return
	default:
		if !p.setsHome() {
			p.before = append(p.before, "ENV HOME=/tmp")
		}
		p.says = append(p.says, fmt.Sprintf("USER %s has no account, since no tool to make one is known to be in the base image", p.user))
		return
	}
	p.says = append(p.says, fmt.Sprintf("USER %s is a new account, app", p.user))
}

func (p *patcher) setsHome() bool {
	return slices.ContainsFunc(p.stage.Body, func(in Instruction) bool {
		return in.Name == "env" && slices.Contains(in.Words, "HOME")
	})
}
