// Package launch reads what starting a container leads to: the scripts of the entrypoint, the programs that they end in,
// and the places where root becomes another user. It runs nothing.
package launch

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/redact"
)

// Evidence is the place where a fact was read.
type Evidence struct {
	Where string `json:"where"`          // a path in the image, "config", "manifest", "Dockerfile", ...
	Line  int    `json:"line,omitempty"` // from 1; 0 if there are no lines
	Text  string `json:"text,omitempty"` // what is written there
}

// String returns the evidence as "where:line: text".
func (e Evidence) String() string {
	s := e.Where
	if e.Line > 0 {
		s = fmt.Sprintf("%s:%d", s, e.Line)
	}
	if e.Text != "" {
		s += ": " + e.Text
	}
	return s
}

// CommandAt returns the place of a command line as evidence, without the secrets in it.
func CommandAt(where string, line int, text string) Evidence {
	return Evidence{Where: where, Line: line, Text: redact.Command(text)}
}

// Drop is a place where a program becomes another user.
type Drop struct {
	User  string // as written, variables replaced where known
	Tool  string // "gosu", or what the setting is called
	Where Evidence
	// Whole reports whether the container's main process is replaced, so that nothing goes on as root.
	Whole bool
	// Guarded reports whether the script asks who runs it, and so can skip the drop when it is not root.
	Guarded bool
}

// Program is a program that a container's start leads to, and that is no shell script.
type Program struct {
	Path  string // in the image; the bare name where the image does not have it
	Argv  []string
	Where Evidence
}

// Leaf is a program that a container runs for long, and the setting that makes it another user; By is nil where it has
// none.
type Leaf struct {
	Program Program
	By      *Drop
}

// Start is what starting a container leads to.
type Start struct {
	Drops    []Drop
	Programs []Program
}

// Reader reads the files of one image.
type Reader struct {
	Tree  image.Tree
	Users image.Users
	Env   map[string]string
	Dir   string // the working directory
}

// Environ returns NAME=VALUE pairs as a map.
func Environ(pairs []string) map[string]string {
	env := map[string]string{}
	for _, kv := range pairs {
		name, value, _ := strings.Cut(kv, "=")
		env[name] = value
	}
	return env
}

// Follow reads the scripts that a command line leads to.
func (r Reader) Follow(ctx context.Context, argv []string, where Evidence) (Start, error) {
	l := &follower{tree: r.Tree, env: r.Env, dir: path.Join("/", r.Dir), seen: map[string]bool{}}
	err := l.run(ctx, argv, where, 0)
	return l.out, err
}

// Lookup returns the entry at a path, symbolic links followed.
func (r Reader) Lookup(ctx context.Context, at string) (image.Entry, bool, error) {
	real, err := image.Resolve(ctx, r.Tree, at)
	if errors.Is(err, image.ErrLoop) {
		return image.Entry{}, false, nil
	}
	if err != nil {
		return image.Entry{}, false, err
	}
	return r.Tree.Lookup(ctx, real)
}

// account reports whether a name is an account of the image that is not root.
func (r Reader) account(name string) bool {
	acct, ok := r.Users.ByName(name)
	return ok && acct.UID != 0
}
