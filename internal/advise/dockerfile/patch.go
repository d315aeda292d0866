package dockerfile

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// NewID is the uid and gid of a user that a patch makes: above the numbers that systems choose by themselves, and below
// the limit of the tools that make users.
const NewID = 10001

// Options are what is wanted of Check.
type Options struct {
	Target  string            // stage that is built; empty means the last one
	Base    func(string) Base // what is known of base images
	Writes  []string          // folders that the application writes to, in addition to its VOLUMEs
	Name    string            // of the file, for the diff; "Dockerfile" if empty
	Args    map[string]string // build arguments
	Context fs.FS             // the build context, whose scripts and passwd files are read; nil if it is not known
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
	c := check(f, target, opts)
	r := Result{
		Base: c.state.image, User: c.state.user, Bases: f.bases(), Patched: data, Findings: c.findings(),
		Fine: c.state.fine() && c.state.base.Family != Windows,
	}
	if r.Fine {
		return r, nil
	}
	p := &patcher{stageCheck: c, writes: opts.Writes, draft: draft{file: f}}
	if r.Refused = p.plan(); r.Refused != "" {
		return r, nil
	}
	edits := f.atEnd(sorted(p.edits))
	patched := f.apply(edits)
	if !proved(patched, opts) {
		r.Refused = "the change cannot be made safely in this file: write USER " + p.user + " as the last instruction before ENTRYPOINT by hand"
		return r, nil
	}
	r.NewUser, r.Says = p.user, p.says
	r.Diff, r.Patched = f.unified(diffName(opts.Name), edits), patched
	return r, nil
}

// diffName returns the name that a diff shows for a file.
func diffName(name string) string {
	if name == "" {
		return "Dockerfile"
	}
	return strings.TrimPrefix(path.Clean(name), "/")
}

// proved parses the changed file again, and reports whether its user is a number that is not root now.
func proved(patched []byte, opts Options) bool {
	f, err := Parse(patched, opts.Args)
	if err != nil {
		return false
	}
	target, err := f.stage(opts.Target)
	if err != nil {
		return false
	}
	c := check(f, target, opts)
	return c.state.fine()
}

// patcher makes the edits.
type patcher struct {
	stageCheck
	writes []string

	draft
	user, numbered string   // new USER; the account of the Dockerfile that gets its number, if that account has none
	before         []string // instructions to insert before USER
	says           []string
}

func (p *patcher) say(format string, args ...any) {
	p.says = append(p.says, fmt.Sprintf(format, args...))
}

// plan chooses the user and makes the edits. It returns why it cannot.
func (p *patcher) plan() string {
	if p.state.base.Family == Windows {
		return "it is a Windows image: name the user in the manifest (windowsOptions.runAsUserName)"
	}
	if refused := p.choose(); refused != "" {
		return refused
	}
	p.start()
	warnOfRootHome(p)
	p.own()
	p.onbuild()
	p.place()
	return ""
}

// choose finds the numeric user: the declared one where its number is known, else the one that the entrypoint drops to,
// else the owner of a VOLUME, else the account that RUN and COPY give all folders to, else another user that the stages make,
// else the number that folders are given to, else the base image's own account, else a new one.
func (p *patcher) choose() string {
	uid, group, known := p.state.uid()
	if p.state.named() && (!known || uid != 0) && !p.state.nowhere() {
		return p.number(p.state.user, uid, group)
	}
	if p.dropped {
		name, group, _ := strings.Cut(p.drop.User, ":")
		if refused := p.number(p.drop.User, p.state.accounts.uid(name), group); refused != "" || !p.drop.Whole || p.drop.Guarded {
			return refused
		}
		return fmt.Sprintf("its entrypoint calls %s whoever runs it (%s), which fails for a non-root user: call it only where `id -u` is 0, and write USER %s",
			p.drop.Tool, p.drop.Where, p.user)
	}
	if dir, f, ok := p.ownedFolder(); ok {
		var says string
		p.user, says = ownerUser(p.state.accounts, f.uid, f.gid)
		p.say("%s of %s (line %d), which the application writes to", says, dir, f.line)
		return ""
	}
	if m, ok := p.madeOwner(); ok {
		return p.number(m.name, m.id, "")
	}
	owner, given := singleOwner(p.state)
	_, hasAccount := p.state.accounts.users().ByUID(owner.uid)
	m, made := p.state.accounts.lastMade()
	switch {
	case given && (hasAccount || !made):
		var says string
		p.user, says = ownerUser(p.state.accounts, owner.uid, owner.gid)
		p.say("%s that line %d gives to %s", says, owner.line, owner.dir)
		return ""
	case made:
		problem := p.number(m.name, m.id, "")
		warnOfOtherOwners(p)
		return problem
	}
	p.fallback()
	warnOfOtherOwners(p)
	return ""
}

// fallback makes the account of the base image the user, else a new one.
func (p *patcher) fallback() {
	if name := p.state.base.Prefer; name != "" {
		p.user = p.state.base.Accounts[name]
		p.say("USER %s is the account %s of the base image", p.user, name)
		return
	}
	p.user = fmt.Sprintf("%d:%d", NewID, NewID)
	p.create()
}

// number turns a named user into a numeric one.
func (p *patcher) number(user string, uid int64, group string) string {
	name := firstOf(user)
	m, here := p.state.accounts.find(true, name)
	switch {
	case uid > 0 && here:
		p.user = strconv.FormatInt(uid, 10) + p.groupOf(m, group)
	case uid > 0:
		p.user = strconv.FormatInt(uid, 10)
		if gid := p.state.accounts.gid(group); group != "" && gid >= 0 {
			p.user += ":" + strconv.FormatInt(gid, 10)
		} else if ids, ok := p.state.accounts.base[name]; ok && group == "" {
			p.user = ids
		}
	case here && m.tool != "":
		return p.fix(m, group)
	default:
		return p.unknownUser(name)
	}
	if isNumber(name) {
		return ""
	}
	p.say("USER %s is %s by its number, which the kubelet can verify", p.user, name)
	if here && m.varID {
		p.say("line %d takes that number from a variable: a build that sets it to another value needs another number in USER", m.in.Line)
	}
	return ""
}

// unknownUser returns why a named user cannot become a number.
func (p *patcher) unknownUser(name string) string {
	if strings.Contains(name, "$") {
		return fmt.Sprintf("the user is the value of %s, which is known only when the container starts: write USER with the number of the user that "+
			"the application runs as, and give the variable the same user", name)
	}
	if line := p.state.accounts.opaque; line > 0 {
		return fmt.Sprintf("the uid of %q is not known: it is in the /etc/passwd that line %d brings, whose content is not at hand; "+
			"write USER with the number", name, line)
	}
	if _, has := p.state.base.Accounts[name]; !has && p.state.base.User != nil && p.state.hasRun {
		return fmt.Sprintf("the uid of %q is not known: nothing in the Dockerfile makes that user, and the base image is not known to have it; "+
			"a package that is installed may make it, with a number that can change: make the user with a fixed number before (uid %d), or read "+
			"the number from the built image (`podseal advise IMAGE` does), and write USER with the number", name, NewID)
	}
	return fmt.Sprintf("the uid of %q is not known: nothing in the Dockerfile makes that user; read it from the base image's /etc/passwd "+
		"(`podseal advise %s` does) and write USER with the number", name, p.state.image)
}

// groupOf returns ":GID" where the group's number is known, else "": the number is then the one of /etc/passwd.
func (p *patcher) groupOf(m account, group string) string {
	gid := p.state.accounts.groupOf(m)
	if group != "" {
		gid = p.state.accounts.gid(group)
	}
	if gid < 0 {
		return ""
	}
	return ":" + strconv.FormatInt(gid, 10)
}

// create adds the account of a new user, where the base image has a tool for it. Without an account a number is enough,
// and HOME is set instead.
func (p *patcher) create() {
	switch p.state.base.Family {
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
		p.say("USER %s needs no account: a number is enough", p.user)
		return
	default:
		if !setsHome(p.stage) {
			p.before = append(p.before, "ENV HOME=/tmp")
		}
		p.say("USER %s has no account, since no tool to make one is known to be in the base image", p.user)
		return
	}
	p.say("USER %s is a new account, app", p.user)
}

func setsHome(s *Stage) bool {
	return slices.ContainsFunc(s.Body, func(in Instruction) bool {
		return in.Name == "env" && slices.Contains(in.Words, "HOME")
	})
}

// warnOfRootHome says that the user may not enter root's home folder, where the application has files there.
func warnOfRootHome(p *patcher) {
	const home = "/root"
	if f := p.state.folderAt(home); f.owned || f.moded {
		return
	}
	used := append(p.folders(), p.state.dir)
	for _, argv := range [][]string{p.state.entrypoint, p.state.cmd} {
		used = append(used, argv[:min(1, len(argv))]...)
	}
	for _, in := range p.stage.Body {
		if isCopy(in) {
			used = append(used, p.destination(in))
		}
	}
	if i := slices.IndexFunc(used, func(at string) bool { return within(at, home) }); i >= 0 {
		p.say("the image uses %s, and %s is closed to other users in most base images: use another folder, such as /srv, or RUN chmod a+rx %s", used[i], home, home)
	}
}

// start says what an entrypoint that drops root does when it is started as the new user.
func (p *patcher) start() {
	if !p.dropped || !p.drop.Whole {
		return
	}
	p.say("started as that user, the entrypoint skips what it does as root: volumes must belong to uid %s already (fsGroup helps)", firstOf(p.user))
}
