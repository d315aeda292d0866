package dockerfile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ownedFolder returns a folder that the application writes to and that belongs to a number or to an account of the base image.
func (p *patcher) ownedFolder() (dir string, f folder, ok bool) {
	for _, dir := range p.folders() {
		f := p.state.folderAt(dir)
		made := slices.ContainsFunc(p.state.accounts.made, func(m account) bool { return m.user && m.id == f.uid })
		if f.owned && f.uid > 0 && !made {
			return dir, f, true
		}
	}
	return "", folder{}, false
}

// givenOwner is the owner that the Dockerfile gives folders and files to.
type givenOwner struct {
	uid, gid int64 // gid is -1 if there are several, or none is known
	dir      string
	line     int
}

// singleOwner returns the owner other than root that RUN and COPY give folders and files to, with the last of them. It returns
// false if there is none, if there are several, or if the number of one is not known.
func singleOwner(s state) (givenOwner, bool) {
	all := givenOwners(s)
	if len(all) == 0 || all[0].uid < 0 {
		return givenOwner{}, false
	}
	last := all[len(all)-1]
	for _, o := range all {
		if o.uid != last.uid {
			return givenOwner{}, false
		}
		if o.gid != last.gid {
			last.gid = -1
		}
	}
	return last, true
}

// givenOwners returns the owners other than root of the folders and files that RUN and COPY give to somebody, each path once.
func givenOwners(s state) []givenOwner {
	var out []givenOwner
	seen := map[string]bool{}
	for _, c := range slices.Backward(s.folders) {
		if f := s.folderAt(c.path); !seen[c.path] && f.owned && f.uid != 0 {
			out = append(out, givenOwner{uid: f.uid, gid: f.gid, dir: c.path, line: f.line})
		}
		seen[c.path] = true
	}
	slices.Reverse(out)
	return out
}

// ownerUser returns the owner of a folder as a USER, and introduces it in a sentence. An account has its own group, a number the
// group of the folder.
func ownerUser(known accounts, uid, gid int64) (user, says string) {
	is := "the owner"
	if a, ok := known.users().ByUID(uid); ok {
		gid = a.GID
		is = "the account " + a.Name + " of the base image, the owner"
	}
	user = strconv.FormatInt(uid, 10)
	if gid >= 0 {
		user += ":" + strconv.FormatInt(gid, 10)
	}
	return user, fmt.Sprintf("USER %s is %s", user, is)
}

// madeOwner returns the user that the stages make and that owns a folder which the application writes to, else all folders
// that the Dockerfile gives to somebody.
func (p *patcher) madeOwner() (account, bool) {
	dirs := p.folders()
	if o, ok := singleOwner(p.state); ok {
		dirs = append(dirs, o.dir)
	}
	for _, dir := range dirs {
		f := p.state.folderAt(dir)
		for _, m := range slices.Backward(p.state.accounts.made) {
			if m.user && f.owned && (f.uid > 0 && m.id == f.uid || f.uid < 0 && m.name == f.owner) {
				return m, true
			}
		}
	}
	return account{}, false
}

// lastMade returns the last user that a command makes.
func (a accounts) lastMade() (account, bool) {
	for _, m := range slices.Backward(a.made) {
		if m.user && m.id != 0 && !strings.Contains(m.name, "$") && m.id < 65534 {
			return m, true
		}
	}
	return account{}, false
}

// warnOfOtherOwners says which folder the Dockerfile gives to somebody else, other than those that the application writes to.
func warnOfOtherOwners(p *patcher) {
	known := p.folders()
	others := slices.DeleteFunc(givenOwners(p.state), func(o givenOwner) bool {
		return o.uid == number(firstOf(p.user)) || slices.Contains(known, o.dir)
	})
	if len(others) == 0 {
		return
	}
	p.say("line %d sets the owner of %s, which is kept: see to it that uid %s may write there", others[0].line, others[0].dir, firstOf(p.user))
}
