package dockerfile

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// state is what the instructions of a stage leave, as far as it can be read from them.
type state struct {
	image  string // the image that it begins with
	base   Base
	hasRun bool // a RUN of the shell form was seen: there is a shell
	rootfs bool // an archive or a whole file system was copied to /

	scope scope
	dir   string // WORKDIR

	user     string // effective USER; "" is root, or not known
	userLine int    // of the USER, or of the FROM
	fromBase bool   // the user comes from the base image
	known    bool   // false where the user is not known
	userAt   int    // index of the last USER of this stage; -1 if it has none
	begins   string // the user that this stage begins with

	accounts accounts
	files    map[string]file
	copies   []copied
	folders  []folderChange
	setcaps  []setcap
	ports    []exposed

	entrypoint, cmd []string
	ownEntrypoint   bool // the entrypoint is not that of the base image
	cmdHere         bool // this stage sets CMD

	fromLine, entrypointLine, cmdLine int // of the FROM of the image, and of the last ENTRYPOINT and CMD
}

// setcap is a program that a RUN sets file capabilities on.
type setcap struct {
	file, caps string
	line       int
}

// defaultPath is the PATH that most base images have, and the engine's for images without one.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// evaluator evaluates the stages of a file, each once.
type evaluator struct {
	file    *File
	lookup  func(string) Base
	context fs.FS // the build context; nil if it is not known
	done    map[int]state
}

func (e *evaluator) stage(i int) state {
	if s, ok := e.done[i]; ok {
		return s
	}
	s := e.from(i)
	for at, in := range e.file.Stages[i].Body {
		e.instruction(&s, i, at, in)
	}
	e.done[i] = s
	return s
}

// from returns the state that a stage begins with.
func (e *evaluator) from(i int) state {
	st := e.file.Stages[i]
	if st.Parent >= 0 {
		s := e.stage(st.Parent)
		s.scope, s.files = s.scope.child(), maps.Clone(s.files)
		s.accounts.made, s.copies, s.folders = slices.Clone(s.accounts.made), slices.Clone(s.copies), slices.Clone(s.folders)
		s.setcaps, s.ports = slices.Clone(s.setcaps), slices.Clone(s.ports)
		s.userAt, s.begins, s.cmdHere = -1, s.user, false
		if s.fromBase {
			s.userLine = st.From.Line
		}
		return s
	}
	b := e.lookup(st.Base)
	if windowsImage(st.Base, st.Platform) {
		b.Family = Windows
	}
	s := state{
		image: st.Base, base: b, dir: "/", userLine: st.From.Line, fromLine: st.From.Line, fromBase: true, userAt: -1,
		scope: scope{env: map[string]string{}, args: map[string]string{}}, files: map[string]file{},
		accounts: accounts{base: b.Accounts},
	}
	s.scope.env["PATH"] = defaultPath
	maps.Copy(s.scope.env, b.Env)
	if s.known = b.User != nil; s.known {
		s.user, s.begins = *b.User, *b.User
	}
	return s
}

func (e *evaluator) instruction(s *state, stage, at int, in Instruction) {
	f := e.file
	switch in.Name {
	case "arg":
		f.arg(in, s.scope)
	case "env":
		f.setEnv(in, s.scope)
	case "workdir":
		if len(in.Words) > 0 {
			s.dir = join(s.dir, f.expand(in.Words[0], s.scope.all()))
		}
	case "user":
		if len(in.Words) > 0 {
			s.user, s.userLine, s.userAt, s.fromBase = f.expand(strings.Join(in.Words, " "), s.scope.all()), in.Line, at, false
			s.known = s.user != ""
		}
	case "shell":
		if len(in.Words) > 0 && windowsShell(in.Words[0]) {
			s.base.Family = Windows
		}
	case "run":
		s.run(in)
	case "copy", "add":
		e.copy(s, stage, in)
	case "entrypoint":
		s.setEntrypoint(startOf(in))
		s.entrypointLine = in.Line
	case "cmd":
		s.cmd, s.cmdHere, s.cmdLine = startOf(in), true, in.Line
	case "expose":
		s.expose(e.file, in)
	}
}

// setEntrypoint sets the entrypoint, which drops the CMD of the stages and images before.
func (s *state) setEntrypoint(argv []string) {
	if !s.cmdHere {
		s.cmd = nil
	}
	s.entrypoint, s.ownEntrypoint = argv, true
}

// startOf returns the command line of an ENTRYPOINT or CMD.
func startOf(in Instruction) []string {
	if in.Exec {
		return slices.Clone(in.Words)
	}
	if len(in.Words) == 0 {
		return nil
	}
	return []string{"/bin/sh", "-c", strings.Join(in.Words, " ")}
}

func windowsShell(name string) bool {
	name = strings.ToLower(strings.TrimSuffix(strings.ToLower(path.Base(strings.ReplaceAll(name, `\`, "/"))), ".exe"))
	return name == "powershell" || name == "cmd"
}

// uid resolves the user as far as it is known.
func (s *state) uid() (uid int64, group string, known bool) {
	name, group, _ := strings.Cut(s.user, ":")
	id := s.accounts.uid(name)
	return id, group, id >= 0
}

// named reports whether the user is given by a name.
func (s *state) named() bool {
	name, _, _ := strings.Cut(s.user, ":")
	_, err := strconv.ParseInt(name, 10, 64)
	return name != "" && err != nil
}

// fine reports whether the user is a number that is not root.
func (s *state) fine() bool {
	uid, _, _ := s.uid()
	return uid > 0 && !s.named()
}

// nowhere reports whether a named user cannot exist: the base image has no package manager that could have made it, and
// its accounts are known.
func (s *state) nowhere() bool {
	name, _, _ := strings.Cut(s.user, ":")
	return s.accounts.uid(name) < 0 && !s.made(name) && !s.rootfs && s.accounts.opaque == 0 &&
		(s.base.Family == Scratch || s.base.Family == Distroless)
}

// made reports whether the Dockerfile makes a user of that name.
func (s *state) made(name string) bool {
	_, ok := s.accounts.find(true, name)
	return ok
}

// hasShell reports whether the image is known to have a shell and the usual tools.
func (s *state) hasShell() bool {
	switch s.base.Family {
	case Debian, Alpine, RedHat, Minimal:
		return true
	case Unknown:
		return s.hasRun
	default:
		return s.rootfs && s.hasRun
	}
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
