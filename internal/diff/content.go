package diff

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/podseal/podseal/internal/image"
)

// maxListed bounds how many entries of a folder are read: it only matters whether it holds files.
const maxListed = 2000

// Inspect returns what the image has in a folder, as a Folder without evidence.
func Inspect(ctx context.Context, at string, tree image.Tree) (Folder, error) {
	f := Folder{Path: at}
	err := fill(ctx, &f, tree)
	return f, err
}

// fill sets Content and Hides of a folder from the image.
func fill(ctx context.Context, f *Folder, tree image.Tree) error {
	at, err := image.Resolve(ctx, tree, f.Path) // a VOLUME may be declared by a link to the folder
	if err != nil {
		return fmt.Errorf("resolving %s in the image: %w", f.Path, err)
	}
	e, ok, err := image.Probe(ctx, tree, at)
	if err != nil {
		return fmt.Errorf("looking up %s in the image: %w", f.Path, err)
	}
	if !ok || e.Kind != image.Dir {
		f.Content = Absent
		return nil
	}
	if f.Path == "/" {
		f.Content = Filled
		return nil
	}
	entries, more, err := tree.List(ctx, at, maxListed)
	if err != nil {
		return fmt.Errorf("listing %s in the image: %w", f.Path, err)
	}
	f.Content = Empty
	for _, e := range entries {
		if e.Kind != image.Dir {
			f.Content = Filled
			f.hide(at, e.Path)
		}
	}
	if more {
		f.Content = Filled
	}
	if f.Content == Empty {
		for _, e := range entries {
			f.hide(at, e.Path)
		}
	}
	return nil
}

// hide adds to Hides a path that a mount would hide; at is the real path of the folder.
func (f *Folder) hide(at, p string) {
	if len(f.Hides) < 3 {
		f.Hides = append(f.Hides, strings.TrimPrefix(p, path.Clean(at)+"/"))
	}
}

var randomName = []*regexp.Regexp{
	regexp.MustCompile(`[1-9][0-9]{5,}`), // not 00000001: a counter starts the same each time
	regexp.MustCompile(`(?i)[0-9a-f]{8}-[0-9a-f]{4}-`),
	regexp.MustCompile(`(?:^|[^0-9])(?:19|20)[0-9]{2}[-_.](?:0[1-9]|1[0-2])(?:[^0-9]|$)`), // a day or a month
	regexp.MustCompile(`^(?:19|20)[0-9]{2}$`),                                             // a year
	regexp.MustCompile(`^(?:[0-9a-f]*[0-9][0-9a-f]*[a-f]|[0-9a-f]*[a-f][0-9a-f]*[0-9])[0-9a-f]{8,}$`),
}

var (
	suffix = regexp.MustCompile(`^[A-Za-z0-9_]{6,}$`)
	upper  = regexp.MustCompile(`[A-Z]`)
	lower  = regexp.MustCompile(`[a-z]`)
	digit  = regexp.MustCompile(`[0-9]`)
	hashed = regexp.MustCompile(`^[0-9A-Fa-f]{16,}(?:\.[A-Za-z0-9]{1,8})?$`)
	letter = regexp.MustCompile(`[A-Fa-f]`)
	hex    = regexp.MustCompile(`^[0-9a-f]{8,}$`)
	// word matches what people name things: cache1, AppConfig, v1beta1, x86_64, worker_1.
	word = regexp.MustCompile("^" + wordPart + "(?:_" + wordPart + ")*$")
)

const wordPart = `(?:[A-Z]?[a-z]+[0-9]{0,3}|[A-Z]?[a-z]+(?:[A-Z][a-z]{2,})+[0-9]{0,3}|v[0-9]{1,3}[a-z]+[0-9]{1,3}|[0-9]{1,3})`

// Random reports whether a name looks as if it was made up at run time (mktemp, a UUID, a long number, a date), so that
// the next run will use another one. It is a guess that saves a round, since a sealed run finds the names that it misses.
// Dates are the exception: no run finds the name of the next day.
func Random(name string) bool {
	for _, r := range randomName {
		if r.MatchString(name) {
			return true
		}
	}
	if hex.MatchString(name) && digit.MatchString(name) && lower.MatchString(name) {
		return true
	}
	// One or two letters may be those of a counter.
	if base, _, _ := strings.Cut(name, "."); hashed.MatchString(name) && digit.MatchString(base) && len(letter.FindAllString(base, 3)) == 3 {
		return true
	}
	stem := strings.TrimSuffix(name, path.Ext(name))
	return randomTail(name) || randomTail(stem) || strings.HasPrefix(name, "tmp") && mixed(name)
}

// randomTail reports whether the part of a name after its last separator looks made up.
func randomTail(name string) bool {
	for _, sep := range []string{".", "-", "_"} {
		i := strings.LastIndex(name, sep)
		if tail := name[i+1:]; i >= 0 && suffix.MatchString(tail) && mixed(tail) {
			return true
		}
	}
	return false
}

// mixed reports whether a word mixes letters and digits, or cases, in a way that words rarely do.
func mixed(s string) bool {
	n := 0
	for _, r := range []*regexp.Regexp{upper, lower, digit} {
		if r.MatchString(s) {
			n++
		}
	}
	return n >= 2 && !word.MatchString(s)
}
