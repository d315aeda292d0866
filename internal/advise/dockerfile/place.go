package dockerfile

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// own gives the user the folders that it writes to: what a COPY brings there by --chown, the others by making them.
func (p *patcher) own() {
	dirs := slices.Clone(p.writes)
	first := -1
	for _, in := range p.stage.Body {
		if in.Name != "volume" {
			continue
		}
		if first < 0 {
			first = in.Line - 1
		}
		for _, v := range in.Words {
			if path.IsAbs(v) && !strings.Contains(v, "$") {
				dirs = append(dirs, path.Clean(v))
			}
		}
	}
	var bare []string
	for _, dir := range dirs {
		if !p.chownCopies(dir) && !p.mentioned(dir) {
			bare = append(bare, dir)
		}
	}
	if len(bare) == 0 {
		return
	}
	if fam := p.who.base.Family; fam == Scratch || fam == Distroless {
		p.says = append(p.says, fmt.Sprintf("%s cannot be made without a shell: COPY an empty folder there with --chown=%s", strings.Join(bare, ", "), p.user))
		return
	}
	uid, gid, _ := strings.Cut(p.user, ":")
	line := fmt.Sprintf("RUN install -d -o %s ", uid)
	if gid != "" {
		line += fmt.Sprintf("-g %s ", gid)
	}
	line += strings.Join(bare, " ")
	if first < 0 {
		p.before = append(p.before, line)
		return
	}
	add := []string{line}
	if user := p.userAt(first); !isRoot(user) {
		add = []string{"USER root", line, "USER " + user}
	}
	p.edits = append(p.edits, edit{at: p.above(first), add: add}) // what is done after VOLUME may be lost
}

// userAt is the user in effect at a line: the last USER above it as it is written, else the one that the stage begins
// with.
func (p *patcher) userAt(line int) string {
	user := p.who.begins
	for _, in := range p.stage.Body {
		if in.Name == "user" && in.Line-1 < line && len(in.Words) > 0 {
			user = in.Words[0]
		}
	}
	return user
}

func isRoot(user string) bool {
	name, _, _ := strings.Cut(user, ":")
	return name == "" || name == "root" || name == "0"
}

// chownCopies adds --chown to the COPYs that bring a folder's content.
func (p *patcher) chownCopies(dir string) bool {
	found := false
	for _, in := range p.stage.Body {
		if !isCopy(in) || !within(destination(p.stage, in), dir) {
			continue
		}
		found = true
		if slices.ContainsFunc(in.Flags, func(f string) bool { return strings.HasPrefix(f, "--chown") }) {
			continue
		}
		line := p.line(in.Line - 1)
		i := strings.Index(strings.ToLower(line), in.Name) + len(in.Name)
		p.replace(in.Line-1, line[:i]+" --chown="+p.user+line[i:])
	}
	return found
}

// mentioned tells whether a RUN already gives the folder to somebody.
func (p *patcher) mentioned(dir string) bool {
	return slices.ContainsFunc(p.stage.Body, func(in Instruction) bool {
		return in.Name == "run" && strings.Contains(in.Text, dir) &&
			(strings.Contains(in.Text, "chown") || strings.Contains(in.Text, "install ") || strings.Contains(in.Text, "chmod"))
	})
}

// place writes the USER: over the last one where nothing needs root after it, else behind the last work.
func (p *patcher) place() {
	user := "USER "
	if strings.HasPrefix(p.file.lines[p.stage.From.Line-1], "from") {
		user = "user "
		for i, line := range p.before {
			p.before[i] = strings.Replace(strings.Replace(line, "RUN ", "run ", 1), "ENV ", "env ", 1)
		}
	}
	work := -1
	for i, in := range p.stage.Body {
		if slices.Contains([]string{"run", "copy", "add", "workdir", "volume"}, in.Name) {
			work = i
		}
	}
	if u := p.stage.UserAt; u > work {
		in := p.stage.Body[u]
		p.asRoot(in.Line - 1)
		p.edits = append(p.edits, edit{at: in.Line - 1, del: in.Last - in.Line + 1, add: append(p.before, user+p.user)})
		return
	}
	at := p.stage.From.Last
	if len(p.stage.Body) > 0 {
		at = p.stage.Body[len(p.stage.Body)-1].Last
	}
	for i, in := range p.stage.Body {
		if i > work && (in.Name == "entrypoint" || in.Name == "cmd") {
			at = p.above(in.Line - 1)
			break
		}
	}
	p.asRoot(at)
	p.edits = append(p.edits, edit{at: at, add: append(p.before, user+p.user)})
}

// asRoot lets what is done before the new USER be done as root, where another user is in effect.
func (p *patcher) asRoot(line int) {
	runs := slices.ContainsFunc(p.before, func(s string) bool { return strings.HasPrefix(strings.ToUpper(s), "RUN ") })
	if runs && !isRoot(p.userAt(line)) {
		p.before = append([]string{"USER root"}, p.before...)
	}
}

// above is the line above the comments of the instruction at a line.
func (p *patcher) above(line int) int {
	for line > 0 && strings.HasPrefix(strings.TrimSpace(p.file.lines[line-1]), "#") && !p.inside(line-1) {
		line--
	}
	return line
}

// inside tells whether a line belongs to an instruction: comments may stand within one.
func (p *patcher) inside(line int) bool {
	for _, s := range p.file.Stages {
		for _, in := range append([]Instruction{s.From}, s.Body...) {
			if in.Line-1 <= line && line < in.Last {
				return true
			}
		}
	}
	return false
}
