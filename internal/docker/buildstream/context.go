package buildstream

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"github.com/podseal/podseal/internal/infile"
)

// Context is what a build reads.
type Context struct {
	Dir        string // context directory; its .dockerignore applies
	Name       string // of the Dockerfile, whose own NAME.dockerignore takes precedence; need not be in Dir
	Dockerfile []byte // its text
}

// PackContext writes the context directory as a tar stream, without what its .dockerignore excludes, and the Dockerfile
// under the name dockerfile. Everything belongs to root, as with docker build.
func PackContext(ctx context.Context, w io.Writer, b Context, dockerfile string) error {
	out := tar.NewWriter(w)
	ignored, err := ignoreRules(ctx, b)
	if err != nil {
		return err
	}
	if err := packDirectory(ctx, out, b.Dir, ignored); err != nil {
		return fmt.Errorf("packing the build context %s: %w", b.Dir, err)
	}
	h := &tar.Header{Name: dockerfile, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(b.Dockerfile))}
	if err := out.WriteHeader(h); err != nil {
		return err
	}
	if _, err := out.Write(b.Dockerfile); err != nil {
		return err
	}
	return out.Close()
}

// ignoreRules reads the rules of NAME.dockerignore next to the Dockerfile, else of .dockerignore in the context.
func ignoreRules(ctx context.Context, b Context) (*patternmatcher.PatternMatcher, error) {
	for _, name := range []string{b.Name + ".dockerignore", filepath.Join(b.Dir, ".dockerignore")} {
		data, err := infile.Read(ctx, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		patterns, err := ignorefile.ReadAll(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		rules, err := patternmatcher.New(patterns)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		return rules, nil
	}
	return patternmatcher.New(nil)
}

func packDirectory(ctx context.Context, out *tar.Writer, dir string, ignored *patternmatcher.PatternMatcher) error {
	parents := map[string]patternmatcher.MatchInfo{}
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil || rel == "." {
			return err
		}
		skip, info, err := ignored.MatchesUsingParentResults(rel, parents[filepath.Dir(rel)])
		if err != nil {
			return err
		}
		if d.IsDir() {
			parents[rel] = info
		}
		switch {
		case skip && d.IsDir() && !ignored.Exclusions():
			return filepath.SkipDir
		case skip:
			return nil
		default:
			return packFile(out, name, rel, d)
		}
	})
}

// packFile writes one entry, unless it is neither a file nor a directory nor a link.
func packFile(out *tar.Writer, name, rel string, d fs.DirEntry) error {
	info, err := d.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // removed meanwhile
	}
	if err != nil {
		return err
	}
	link := ""
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		if link, err = os.Readlink(name); err != nil {
			return err
		}
	case !info.IsDir() && !info.Mode().IsRegular():
		return nil
	}
	h, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	h.Name = filepath.ToSlash(rel)
	if info.IsDir() {
		h.Name += "/"
	}
	h.Uid, h.Gid, h.Uname, h.Gname = 0, 0, "", ""
	if !info.Mode().IsRegular() {
		return out.WriteHeader(h)
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := out.WriteHeader(h); err != nil {
		return err
	}
	_, err = io.CopyN(out, f, h.Size)
	return err
}
