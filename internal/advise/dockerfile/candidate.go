package dockerfile

import (
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/image"
)

// ownedFolder returns a folder that the application writes to and that belongs to a number without an account.
func (p *patcher) ownedFolder() (dir string, f folder, ok bool) {
	for _, dir := range p.folders() {
		f := p.state.folderAt(dir)
		hasAccount := slices.ContainsFunc(p.state.accounts.users().Accounts, func(a image.Account) bool { return a.UID == f.uid })
		if f.owned && f.uid > 0 && !hasAccount {
			return dir, f, true
		}
	}
	return "", folder{}, false
}

// copyOwner returns the number, with the group, that all COPYs with an owner of the stage give to files, and the line of the
// last one. It returns "" if there is none, or several, or root.
func (p *patcher) copyOwner() (user string, line int) {
	for _, in := range p.stage.Body {
		owner := p.draft.file.expand(flag(in, "chown"), p.state.scope.all())
		if !isCopy(in) || owner == "" {
			continue
		}
		uid, gid, _ := strings.Cut(owner, ":")
		if !isNumber(uid) || isRoot(uid) || gid != "" && !isNumber(gid) || user != "" && user != owner {
			return "", 0
		}
		user, line = owner, in.Line
	}
	return user, line
}

// madeUser returns the user that the stages make and that owns a folder which the application writes to, else the last
// user that a command makes.
func (p *patcher) madeUser() (account, bool) {
	for _, dir := range p.folders() {
		if f := p.state.folderAt(dir); f.owned && f.uid > 0 {
			for _, m := range slices.Backward(p.state.accounts.made) {
				if m.user && m.id == f.uid {
					return m, true
				}
			}
		}
	}
	for _, m := range slices.Backward(p.state.accounts.made) {
		if m.user && m.id != 0 && !strings.Contains(m.name, "$") && m.id < 65534 {
			return m, true
		}
	}
	return account{}, false
}
