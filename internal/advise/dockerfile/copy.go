package dockerfile

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// maxFile bounds the files of the build context that are read.
const maxFile = 128 << 10

// file is a file whose content is known: its text, or its path in the build context.
type file struct {
	text    string
	from    string // in the build context; empty for text
	unknown bool   // a command writes it, and the text is not known
}

// copied is a COPY or ADD of files of the build context.
type copied struct {
	sources []string
	to      string
	folder  bool // to is a folder
}

func isCopy(in Instruction) bool { return (in.Name == "copy" || in.Name == "add") && len(in.Words) > 1 }

// copy follows a COPY or ADD: files, accounts, whole file systems.
func (e *evaluator) copy(s *state, stage int, in Instruction) {
	if !isCopy(in) {
		return
	}
	vars := s.scope.all()
	var words []string
	for _, w := range in.Words {
		words = append(words, e.file.expand(w, vars))
	}
	last := len(words) - 1
	c := copied{sources: words[:last], to: join(s.dir, words[last]), folder: strings.HasSuffix(words[last], "/") || last > 1}
	s.folders = append(s.folders, e.copiedFolder(s, in, c))
	switch from := e.file.expand(flag(in, "from"), vars); {
	case len(in.Heredocs) > 0:
		s.copyHeredocs(in, c)
	case from != "":
		e.copyFromStage(s, stage, from, in, c)
	default:
		s.copies = append(s.copies, c)
		if c.to == "/" && in.Name == "add" && slices.ContainsFunc(c.sources, archive) {
			s.rootfs = true
		}
		e.copiedAccounts(s, in, c)
	}
}

// archive reports whether ADD unpacks a file.
func archive(name string) bool {
	return slices.ContainsFunc([]string{".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".tar.zst"}, func(ext string) bool {
		return strings.HasSuffix(name, ext) && !strings.Contains(name, "://")
	})
}

// copiedFolder returns the owner that a COPY sets: root, unless it has --chown.
func (e *evaluator) copiedFolder(s *state, in Instruction, c copied) folderChange {
	f := folderChange{path: c.to, uid: keep, gid: keep, line: in.Line}
	if owner := e.file.expand(flag(in, "chown"), s.scope.all()); owner != "" {
		f.uid, f.gid = s.owner(owner)
		f.owner = unnumbered(f.uid, owner)
	}
	return f
}

func (s *state) copyHeredocs(in Instruction, c copied) {
	for _, h := range in.Heredocs {
		at := c.to
		if c.folder {
			at = path.Join(c.to, h.Name)
		}
		s.write(at, h.Content, false, in)
	}
}

// target returns the path that a source is copied to.
func (c copied) target(source string) string {
	if c.folder || c.to == "/" || c.to == "/etc" {
		return path.Join(c.to, path.Base(source))
	}
	return c.to
}

var accountFiles = []string{"/etc/passwd", "/etc/group"}

// copiedAccounts reads an /etc/passwd of the build context.
func (e *evaluator) copiedAccounts(s *state, in Instruction, c copied) {
	for _, source := range c.sources {
		at := c.target(source)
		if !slices.Contains(accountFiles, at) {
			continue
		}
		s.accounts.replace(at)
		if text, ok := s.read(at, e.context); ok {
			s.accounts.addLines(at, text, in)
		} else if at == accountFiles[0] {
			s.accounts.opaque = in.Line
		}
	}
}

// copyFromStage copies the known files of another stage. Of another image nothing is known.
func (e *evaluator) copyFromStage(s *state, stage int, from string, in Instruction, c copied) {
	i, ok := e.file.named(from)
	if n, err := strconv.Atoi(from); err == nil {
		i, ok = n, true
	}
	var other state
	if ok = ok && i >= 0 && i < stage; ok {
		other = e.stage(i)
	}
	for _, source := range c.sources {
		source = join("/", source)
		if at := c.target(source); slices.Contains(accountFiles, at) {
			e.copyAccountFile(s, other, source, at, in)
			continue
		}
		if c.to == "/" && source == "/" || c.to == "/etc" && source == "/etc" {
			s.accounts = other.accounts
			s.rootfs = s.rootfs || c.to == "/"
			if !ok {
				s.accounts = accounts{opaque: in.Line}
			}
		}
		s.copyFiles(other, source, in, c)
	}
}

// copyAccountFile copies an /etc/passwd or /etc/group, or the file that becomes one.
func (e *evaluator) copyAccountFile(s *state, other state, source, at string, in Instruction) {
	s.accounts.replace(at)
	text, known := other.read(source, e.context)
	switch {
	case known && source != at:
		s.accounts.addLines(at, text, in)
	case source == at && other.files != nil:
		for _, m := range other.accounts.made {
			if m.user == (at == accountFiles[0]) {
				s.accounts.made = append(s.accounts.made, m)
			}
		}
		if at == accountFiles[0] {
			s.accounts.base, s.accounts.opaque = other.accounts.base, other.accounts.opaque
		}
	case at == accountFiles[0]:
		s.accounts.opaque = in.Line
	}
}

// replaceAccounts puts a file in the place of /etc/passwd or /etc/group.
func (s *state) replaceAccounts(at string, f file, in Instruction) {
	s.accounts.replace(at)
	switch {
	case !f.unknown && f.from == "":
		s.accounts.addLines(at, f.text, in)
	case at == accountFiles[0]:
		s.accounts.opaque = in.Line
	}
}

func (s *state) copyFiles(other state, source string, in Instruction, c copied) {
	for _, at := range slices.Sorted(maps.Keys(other.files)) {
		to := c.target(source)
		if at != source {
			to = path.Join(c.to, strings.TrimPrefix(at, source))
		}
		switch {
		case !within(at, source):
		case slices.Contains(accountFiles, to):
			s.replaceAccounts(to, other.files[at], in)
		default:
			s.files[to] = other.files[at]
		}
	}
	if from, ok := other.find(source); ok {
		s.files[c.target(source)] = from
	}
}

// write sets or appends to the content of a file.
func (s *state) write(at, text string, appends bool, in Instruction) {
	if slices.Contains(accountFiles, at) {
		if !appends {
			s.accounts.replace(at)
		}
		s.accounts.addLines(at, text, in)
	}
	if old := s.files[at]; appends && old.from == "" {
		text = old.text + text
	}
	if old := s.files[at]; len(text) <= maxFile && (!appends || !old.unknown) {
		s.files[at] = file{text: text}
	}
}

// find returns the file at a path, if the Dockerfile brings it. A file of a folder of the build context is one.
func (s *state) find(at string) (file, bool) {
	if f, ok := s.files[at]; ok {
		return f, true
	}
	for _, whole := range []bool{false, true} {
		for _, c := range slices.Backward(s.copies) {
			if from, ok := c.source(at, whole); ok {
				return file{from: from}, true
			}
		}
	}
	return file{}, false
}

// source returns the path in the build context of a copied file: of a source that is a file, or (whole) of one that is a
// folder.
func (c copied) source(at string, whole bool) (string, bool) {
	rel, below := strings.CutPrefix(at, strings.TrimSuffix(c.to, "/")+"/")
	for _, source := range slices.Backward(c.sources) {
		source = strings.TrimPrefix(path.Clean("/"+source), "/")
		switch {
		case whole && below && !strings.ContainsAny(source, "*?[:"):
			return path.Join(source, rel), true
		case whole:
		case at == c.to && source != "" || below && rel == path.Base(source):
			return source, true
		case below && matches(source, rel):
			return path.Join(path.Dir(source), rel), true
		}
	}
	return "", false
}

func matches(pattern, rel string) bool {
	ok, _ := path.Match(path.Base(pattern), rel)
	return ok
}

// read returns the content of a file, if the Dockerfile brings it.
func (s *state) read(at string, context fs.FS) (string, bool) {
	f, ok := s.find(at)
	if !ok || f.from == "" {
		return f.text, ok && !f.unknown
	}
	if context == nil || !fs.ValidPath(f.from) {
		return "", false
	}
	st, err := fs.Stat(context, f.from)
	if err != nil || !st.Mode().IsRegular() || st.Size() > maxFile {
		return "", false
	}
	data, err := fs.ReadFile(context, f.from)
	return string(data), err == nil
}
