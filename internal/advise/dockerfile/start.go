package dockerfile

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/advise/launch"
	"github.com/podseal/podseal/internal/image"
)

// stateTree shows the files that a Dockerfile brings as the tree of an image. Nothing is known of the base image's files.
type stateTree struct {
	state   *state
	context fs.FS
}

// Lookup implements image.Tree.
func (t stateTree) Lookup(_ context.Context, p string) (image.Entry, bool, error) {
	text, ok := t.state.read(p, t.context)
	e := image.Entry{Path: p, Kind: image.File, Mode: 0o644, Size: int64(len(text))}
	if strings.HasPrefix(text, "#!") || strings.HasPrefix(text, "\x7fELF") { // modes of a checkout are not reliable
		e.Mode = 0o755
	}
	return e, ok, nil
}

// List implements image.Tree: the files of the build context below a folder that is copied, and the files that commands
// write.
func (t stateTree) List(_ context.Context, p string, limit int) ([]image.Entry, bool, error) {
	var out []image.Entry
	add := func(at string) {
		if len(out) < limit && within(at, p) && !slices.ContainsFunc(out, func(e image.Entry) bool { return e.Path == at }) {
			out = append(out, image.Entry{Path: at, Kind: image.File, Mode: 0o755})
		}
	}
	for at := range t.state.files {
		add(at)
	}
	for _, c := range t.state.copies {
		for _, source := range c.sources {
			t.walk(c, source, limit, add)
		}
	}
	slices.SortFunc(out, func(a, b image.Entry) int { return strings.Compare(a.Path, b.Path) })
	return out, len(out) >= limit, nil
}

// walk lists the files of one source in the build context.
func (t stateTree) walk(c copied, source string, limit int, add func(string)) {
	root := strings.TrimPrefix(path.Clean("/"+source), "/")
	if root == "" {
		root = "."
	}
	if t.context == nil || !fs.ValidPath(root) {
		return
	}
	n := 0
	_ = fs.WalkDir(t.context, root, func(p string, e fs.DirEntry, err error) error {
		if n++; err != nil || n > limit {
			return fs.SkipAll
		}
		if e.Type().IsRegular() {
			add(path.Join(c.to, strings.TrimPrefix(strings.TrimPrefix(p, root), "/")))
		}
		return nil
	})
}

// ReadFile implements image.Tree.
func (t stateTree) ReadFile(_ context.Context, p string) ([]byte, error) {
	text, ok := t.state.read(p, t.context)
	if !ok {
		return nil, fmt.Errorf("%s: %w", p, fs.ErrNotExist)
	}
	return []byte(text), nil
}

// drops returns how a container of the image becomes another user by itself: by its entrypoint (whole), or by settings of
// all programs that it runs. ok is false where it does not, or where that is not known.
func (s *state) drops(buildContext fs.FS) (d launch.Drop, ok bool) {
	if s.baseStarts() {
		return launch.Drop{User: s.base.Drops, Tool: "its entrypoint", Where: launch.Evidence{Where: s.image}, Whole: true, Guarded: true}, true
	}
	ctx := context.Background() // nothing below waits: the tree is in memory or on the disk
	r := launch.Reader{Tree: stateTree{s, buildContext}, Users: s.accounts.users(), Env: s.scope.env, Dir: s.dir}
	argv := slices.Concat(s.entrypoint, s.cmd)
	if len(argv) == 0 && s.base.Family == Unknown {
		argv = []string{"/init"} // a base image with a supervisor has it there, and the Dockerfile brings the services
	}
	start, err := r.Follow(ctx, argv, launch.CommandAt("Dockerfile", 0, strings.Join(argv, " ")))
	if err != nil {
		return d, false
	}
	for _, d := range start.Drops {
		if d.Whole && s.accounts.uid(firstOf(d.User)) != 0 {
			return d, true
		}
	}
	leaves, err := r.Leaves(ctx, start.Programs)
	if err != nil {
		return d, false
	}
	for _, l := range leaves {
		if l.By == nil {
			return launch.Drop{}, false
		}
		if d.User == "" {
			d = *l.By
		}
	}
	return d, d.User != ""
}

// baseStarts reports whether the base image's own entrypoint starts its own program and becomes another user for it: the
// command, if the Dockerfile has one, is options, or a program named like the image.
func (s *state) baseStarts() bool {
	if s.ownEntrypoint || s.base.Drops == "" {
		return false
	}
	name, _, _ := strings.Cut(path.Base(s.image), ":")
	name, _, _ = strings.Cut(name, "@")
	return len(s.cmd) == 0 || strings.HasPrefix(s.cmd[0], "-") || strings.HasPrefix(path.Base(s.cmd[0]), name)
}
