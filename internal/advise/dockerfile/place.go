package dockerfile

import (
	"slices"
	"strings"
)

// userAt returns the user in effect at a line: the last USER above it as it is written, else the one that the stage begins
// with.
func (p *patcher) userAt(line int) string {
	user := p.state.begins
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

// place writes the USER: over the last one where nothing needs root after it, else behind the last work.
func (p *patcher) place() {
	user := "USER "
	if strings.HasPrefix(p.draft.file.lines[p.stage.From.Line-1], "from") {
		user = "user "
		for i, line := range p.before {
			p.before[i] = strings.Replace(strings.Replace(line, "RUN ", "run ", 1), "ENV ", "env ", 1)
		}
	}
	work := -1
	for i, in := range p.stage.Body {
		if slices.Contains([]string{"run", "copy", "add", "workdir", "volume", "onbuild"}, in.Name) {
			work = i
		}
	}
	if u := p.state.userAt; u > work {
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
			at = p.draft.file.above(in.Line - 1)
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

// above returns the line above the comments of the instruction at a line. The FROM ends them, and no instruction ends in one.
func (f *File) above(line int) int {
	for strings.HasPrefix(strings.TrimSpace(f.lines[line-1]), "#") {
		line--
	}
	return line
}
