package dockerfile

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// volume is a folder that the application writes to: of a VOLUME, or of Options.Writes.
func (p *patcher) volumes() (dirs []string, first int) {
	first = -1
	vars := p.state.scope.all()
	for _, in := range p.stage.Body {
		if in.Name != "volume" {
			continue
		}
		if first < 0 {
			first = in.Line - 1
		}
		for _, v := range in.Words {
			if v = p.draft.file.expand(v, vars); path.IsAbs(v) {
				dirs = append(dirs, path.Clean(v))
			}
		}
	}
	return dirs, first
}

// folders returns the folders that the application writes to, each once.
func (p *patcher) folders() []string {
	volumes, _ := p.volumes()
	var out []string
	for _, dir := range slices.Concat(p.writes, volumes) {
		if !slices.Contains(out, dir) {
			out = append(out, dir)
		}
	}
	return out
}

// own lets the user write to the folders that the application writes to: the files of a COPY by --chown, other folders by
// a RUN. Folders that everybody may write to, and owners that the Dockerfile sets, are kept.
func (p *patcher) own() {
	_, first := p.volumes()
	var bare []string
	for _, dir := range p.folders() {
		if !p.owned(dir) && !p.chownCopies(dir) {
			bare = append(bare, dir)
			bare = append(bare, p.state.rootFolders(dir, first)...)
		}
	}
	if len(bare) == 0 {
		return
	}
	if !p.state.hasShell() {
		p.say("%s: the base image is not known to have a shell, so no RUN can make it for uid %s; COPY an empty folder there with --chown=%s",
			strings.Join(bare, ", "), firstOf(p.user), p.user)
		return
	}
	lines := p.ownLines(bare)
	if first < 0 {
		p.before = append(p.before, lines...)
		return
	}
	if user := p.userAt(first); !isRoot(user) {
		lines = slices.Concat([]string{"USER root"}, lines, []string{"USER " + user})
	}
	p.edits = append(p.edits, edit{at: p.draft.file.above(first), add: lines}) // changes after VOLUME may be lost
}

// owned reports whether the Dockerfile already decides who may write to a folder, and says so where that is not the user.
func (p *patcher) owned(dir string) bool {
	f := p.state.folderAt(dir)
	uid, gid := number(firstOf(p.user)), int64(-1)
	if _, group, ok := strings.Cut(p.user, ":"); ok {
		gid = number(group)
	}
	switch {
	case f.shared(dir):
		return true
	case !f.owned:
		return false
	case f.uid == uid || f.owner != "" && f.owner == p.numbered || f.gid == gid && gid > 0 && f.moded && f.mode >= 0 && f.mode&0o020 != 0:
		return true
	case f.gid == 0 && f.moded && f.mode >= 0 && f.mode&0o020 != 0:
		p.say("line %d lets group 0 write to %s: set fsGroup or supplementalGroups to 0 in the pod", f.line, dir)
		return true
	case f.uid == 0 && f.gid <= 0:
		return false
	}
	p.say("line %d sets the owner of %s, which is kept: see to it that uid %d may write there", f.line, dir, uid)
	return true
}

// ownLines returns the RUNs that make folders for the user. The mode that the Dockerfile gives a folder is kept.
func (p *patcher) ownLines(dirs []string) []string {
	uid, gid, _ := strings.Cut(p.user, ":")
	install := fmt.Sprintf("RUN install -d -o %s ", uid)
	if gid != "" {
		install += fmt.Sprintf("-g %s ", gid)
	}
	var plain, kept []string
	for _, dir := range dirs {
		if f := p.state.folderAt(dir); f.exists && f.moded {
			kept = append(kept, dir)
		} else {
			plain = append(plain, dir)
		}
	}
	var out []string
	if len(plain) > 0 {
		out = append(out, install+strings.Join(plain, " "))
	}
	if len(kept) > 0 {
		out = append(out, fmt.Sprintf("RUN chown %s %s", p.user, strings.Join(kept, " ")))
	}
	return out
}

// chownCopies adds --chown to the COPYs that bring a folder's content, and reports whether there are any.
func (p *patcher) chownCopies(dir string) bool {
	found := false
	for _, in := range p.stage.Body {
		if !isCopy(in) || !within(p.destination(in), dir) {
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

// numberTriggers writes the number into each ONBUILD USER with a name whose number is known.
func (p *patcher) numberTriggers() {
	for _, in := range p.stage.Body {
		if in.Name != "onbuild" || len(in.Words) != 2 || in.Words[0] != "user" || isNumber(firstOf(in.Words[1])) {
			continue
		}
		line := p.line(in.Line - 1)
		if uid := p.state.accounts.uid(in.Words[1]); uid > 0 && strings.Count(line, in.Words[1]) == 1 {
			p.replace(in.Line-1, strings.Replace(line, in.Words[1], strconv.FormatInt(uid, 10), 1))
		}
	}
}

// onbuild lets the ONBUILD RUNs of images made from this one run as root, and ends with the user, where the triggers do not
// name users themselves.
func (p *patcher) onbuild() {
	first, last, run, user, end := -1, -1, -1, -1, ""
	for i, in := range p.stage.Body {
		if in.Name != "onbuild" || len(in.Words) == 0 {
			continue
		}
		if first < 0 {
			first = in.Line - 1
		}
		last = in.Last
		switch in.Words[0] {
		case "run":
			run = firstIndex(run, i)
		case "user":
			user, end = firstIndex(user, i), strings.Join(in.Words[1:], " ")
		}
	}
	p.numberTriggers()
	if run < 0 {
		return
	}
	if user < 0 || run < user {
		p.edits = append(p.edits, edit{at: first, add: []string{"ONBUILD USER root"}})
	}
	if user < 0 || isRoot(end) {
		p.edits = append(p.edits, edit{at: last, add: []string{"ONBUILD USER " + p.user}})
		end = p.user
	}
	p.say("the builds of images made from this one run their ONBUILD RUN as before, and end with USER %s", end)
}

// firstIndex returns the index that was found first: known, unless it is negative.
func firstIndex(known, i int) int {
	if known >= 0 {
		return known
	}
	return i
}
