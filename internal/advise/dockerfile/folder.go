package dockerfile

import (
	"slices"
	"strconv"
	"strings"
)

// folderChange is one command that makes a folder, or sets its owner or mode.
type folderChange struct {
	path      string
	made      bool // the command makes the folder
	recursive bool
	uid, gid  int64  // keep if the command does not set them; -1 if they are not known
	owner     string // the name of an owner whose uid is not known
	mode      string // as written; empty if the command does not set it
	line      int
}

// keep is an owner that a command does not set.
const keep = -2

// folder is what the commands leave of a folder.
type folder struct {
	exists   bool
	owned    bool   // a command sets its owner
	uid, gid int64  // -1 if not known
	owner    string // the name of an owner whose uid is not known
	mode     int64  // -1 if a command sets it, but not to what
	moded    bool   // a command sets its mode
	line     int    // of the last command that sets owner or mode
}

// folderAt returns what the commands leave of a folder. A recursive command counts where the folder existed before it.
func (s *state) folderAt(dir string) folder {
	f := folder{mode: 0o755}
	for _, c := range s.folders {
		if c.path != dir && (!c.recursive || !within(dir, c.path) || !f.exists) {
			continue
		}
		f.exists = true
		if c.uid != keep || c.gid != keep {
			f.owned, f.line = true, c.line
		}
		if c.uid != keep {
			f.uid, f.owner = c.uid, c.owner
		}
		if c.gid != keep {
			f.gid = c.gid
		}
		if c.mode != "" {
			f.mode, f.moded, f.line = changeMode(f.mode, c.mode), true, c.line
		}
	}
	return f
}

// rootFolders returns the folders below a folder that commands make for root alone: those of the first lines of
// the Dockerfile, or all if lines is -1.
func (s *state) rootFolders(dir string, lines int) []string {
	var out []string
	for _, c := range s.folders {
		if !c.made || c.path == dir || !within(c.path, dir) || lines >= 0 && c.line > lines || slices.Contains(out, c.path) {
			continue
		}
		if f := s.folderAt(c.path); !f.shared(c.path) && (!f.owned || f.uid == 0 && f.gid <= 0) {
			out = append(out, c.path)
		}
	}
	return out
}

// sharedFolders are for everybody in every image that has them: sticky, and writable for all.
var sharedFolders = []string{"/tmp", "/var/tmp", "/dev/shm"}

// shared reports whether everybody can write to the folder, which is at dir.
func (f folder) shared(dir string) bool {
	if f.moded {
		return f.mode >= 0 && f.mode&0o002 != 0
	}
	return slices.Contains(sharedFolders, dir)
}

// changeMode returns the mode that chmod's argument makes of another one, and -1 where that is not known.
func changeMode(mode int64, arg string) int64 {
	if octal, err := strconv.ParseInt(arg, 8, 32); err == nil {
		return octal
	}
	for clause := range strings.SplitSeq(arg, ",") {
		i := strings.IndexAny(clause, "+-=")
		if i < 0 || mode < 0 {
			return -1
		}
		mode = changeClause(mode, clause[:i], clause[i], clause[i+1:])
	}
	return mode
}

func changeClause(mode int64, who string, op byte, perms string) int64 {
	if who == "" || strings.Contains(who, "a") {
		who = "ugo"
	}
	var bits int64
	for _, p := range perms {
		switch p {
		case 'r':
			bits |= 4
		case 'w':
			bits |= 2
		case 'x', 'X':
			bits |= 1
		case 'u':
			bits |= mode >> 6 & 7
		case 'g':
			bits |= mode >> 3 & 7
		case 'o':
			bits |= mode & 7
		case 't':
			return mode | 0o1000
		case 's':
			return mode | 0o2000
		default:
			return -1
		}
	}
	for _, w := range who {
		shift := map[rune]int{'u': 6, 'g': 3, 'o': 0}[w]
		switch op {
		case '+':
			mode |= bits << shift
		case '-':
			mode &^= bits << shift
		default:
			mode = mode&^(7<<shift) | bits<<shift
		}
	}
	return mode
}
