package launch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/image"
)

// configs finds the configuration files of a program: those of its arguments, those at the usual places for its name,
// and those that they include.
func (r Reader) configs(ctx context.Context, p Program) ([]config, error) {
	var out []config
	seen := map[string]bool{}
	names := append(r.argumentFiles(p), r.usualFiles(ctx, p)...)
	for len(names) > 0 && len(seen) < 20*maxConfigs && len(out) < maxConfigs {
		at := names[0]
		names = names[1:]
		if seen[at] {
			continue
		}
		seen[at] = true
		e, _, err := r.Lookup(ctx, at)
		if err != nil {
			return nil, err
		}
		if e.Kind != image.File || e.Size > maxScript || e.Mode&0o111 != 0 {
			continue
		}
		data, err := r.Tree.ReadFile(ctx, at)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading configuration %s: %w", at, err)
		}
		f := config{at, string(data)}
		out = append(out, f)
		more, err := r.includes(ctx, f)
		if err != nil {
			return nil, err
		}
		names = append(names, more...)
	}
	return out, nil
}

// argumentFiles returns the arguments that may be configuration files. Relative ones are taken below the working folder and
// below the folder that another argument names.
func (r Reader) argumentFiles(p Program) []string {
	dirs := []string{r.Dir}
	var out []string
	for _, arg := range tail(p.Argv, 1) {
		if _, value, ok := strings.Cut(arg, "="); ok {
			arg = value
		}
		if strings.HasPrefix(arg, "-") && len(arg) > 2 && arg[2] == '/' {
			arg = arg[2:]
		}
		if path.IsAbs(arg) {
			out = append(out, path.Clean(arg))
			dirs = append(dirs, path.Clean(arg))
		}
	}
	for _, arg := range tail(p.Argv, 1) {
		if !path.IsAbs(arg) && !strings.HasPrefix(arg, "-") && strings.Contains(arg, ".") {
			for _, dir := range dirs {
				out = append(out, path.Join(dir, arg))
			}
		}
	}
	return out
}

// usualFiles returns the places where a daemon's configuration is by convention, for the name it is called by and for the
// name of the program that this is a link to.
func (r Reader) usualFiles(ctx context.Context, p Program) []string {
	names := []string{path.Base(p.Path)}
	dirs := []string{r.Dir, path.Join(r.Dir, "conf"), path.Join(r.Dir, "etc")}
	if real, err := image.Resolve(ctx, r.Tree, p.Path); err == nil && path.IsAbs(p.Path) {
		if n := path.Base(real); n != names[0] {
			names = append(names, n)
		}
		prefix := path.Dir(path.Dir(real))
		dirs = append(dirs, path.Join(prefix, "conf"), path.Join(prefix, "etc"))
	}
	var out []string
	for _, name := range names {
		stem := strings.TrimSuffix(name, "d")
		all := append(slices.Clone(dirs), "/etc/"+name, "/etc", "/usr/local/etc/"+name, "/usr/local/etc", "/etc/"+stem)
		for _, dir := range all {
			for _, ext := range []string{".conf", ".cfg", ".ini"} {
				out = append(out, path.Join(dir, name+ext))
			}
		}
	}
	return out
}

// includes returns the files that a configuration includes, patterns replaced by what the image has.
func (r Reader) includes(ctx context.Context, f config) ([]string, error) {
	var out []string
	for line := range strings.Lines(f.text) {
		m := includeLine.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
		if m == nil {
			continue
		}
		for _, pattern := range strings.Fields(m[1]) {
			if !path.IsAbs(pattern) {
				pattern = path.Join(path.Dir(f.at), pattern)
			}
			found, err := r.glob(ctx, pattern)
			if err != nil {
				return nil, err
			}
			out = append(out, found...)
		}
	}
	return out, nil
}

func (r Reader) glob(ctx context.Context, pattern string) ([]string, error) {
	dir := path.Dir(pattern)
	if !strings.ContainsAny(pattern, "*?[") {
		return []string{pattern}, nil
	}
	if strings.ContainsAny(dir, "*?[") {
		return nil, nil
	}
	entries, _, err := r.Tree.List(ctx, dir, maxConfigs*10)
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", dir, err)
	}
	var out []string
	for _, e := range entries {
		if ok, _ := path.Match(pattern, e.Path); ok { // a bad pattern matches nothing
			out = append(out, e.Path)
		}
	}
	return out, nil
}
