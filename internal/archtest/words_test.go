package archtest

import (
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// word is an expression that the project's prose does not use.
type word struct {
	pattern *regexp.Regexp
	instead string
}

func words(t *testing.T) []word {
	t.Helper()
	var out []word
	for _, l := range readLines(t, "words.txt") {
		pattern, instead, ok := strings.Cut(l, "\t")
		if !ok {
			t.Fatalf("testdata/words.txt: no tab in %q", l)
		}
		out = append(out, word{regexp.MustCompile("(?i)" + pattern), instead})
	}
	return out
}

// TestWords finds replaced words in comments, texts, pages and scripts.
func TestWords(t *testing.T) {
	unclean := readExceptions(t, "words-unclean.txt")
	passages := written(t)
	for _, f := range goFiles(t) {
		passages = append(passages, f.prose()...)
	}
	list := words(t)
	for _, p := range passages {
		for _, w := range list {
			if found := w.pattern.FindString(p.text); found != "" && !unclean.has(p.area()) {
				t.Errorf("%s: %q: write %s", p, found, w.instead)
			}
		}
	}
	unclean.unused(t)
}

// TestWordsFindsWhatItIsFor shows that each expression can match, and that ordinary prose does not.
func TestWordsFindsWhatItIsFor(t *testing.T) {
	list := words(t)
	matched := map[string]bool{}
	for _, bad := range readLines(t, "words-bad.txt") {
		hit := false
		for _, w := range list {
			if w.pattern.MatchString(bad) {
				matched[w.pattern.String()], hit = true, true
			}
		}
		if !hit {
			t.Errorf("nothing in words.txt matches %q", bad)
		}
	}
	for _, w := range list {
		if !matched[w.pattern.String()] {
			t.Errorf("no line of words-bad.txt matches %s", w.pattern)
		}
	}
	for _, good := range readLines(t, "words-good.txt") {
		for _, w := range list {
			if found := w.pattern.FindString(good); found != "" {
				t.Errorf("%s matches %q in %q", w.pattern, found, good)
			}
		}
	}
}

// TestFunctionComments makes sure that the comment of a function says what it does: its name and a verb, and "reports
// whether" where it returns one bool.
func TestFunctionComments(t *testing.T) {
	unclean := readExceptions(t, "comments-unclean.txt")
	for _, f := range goFiles(t) {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Doc == nil || f.test() {
				continue
			}
			p := passage{f.name, f.line(fn), collapse(fn.Doc.Text())}
			if fault := commentFault(fn, p.text); fault != "" && !unclean.has(p.area()) {
				t.Errorf("%s: the comment of %s %s: %s", p, fn.Name.Name, fault, p.text)
			}
		}
	}
	unclean.unused(t)
}

// commentFault returns what is wrong with the comment of a function; empty if nothing is.
func commentFault(fn *ast.FuncDecl, text string) string {
	first := append(strings.Fields(text), "", "")
	switch {
	case strings.HasPrefix(text, "Deprecated:"):
		return ""
	case fn.Name.IsExported() && first[0] != fn.Name.Name:
		return "does not start with its name"
	case first[0] == fn.Name.Name && slices.Contains([]string{"is", "are", "was"}, first[1]):
		return "says what it is, not what it does"
	case returnsBool(fn) && first[0] == fn.Name.Name && !strings.Contains(text, "reports whether"):
		return `does not say "reports whether"`
	}
	return ""
}

func returnsBool(fn *ast.FuncDecl) bool {
	if fn.Type.Results == nil || fn.Type.Results.NumFields() != 1 {
		return false
	}
	name, ok := fn.Type.Results.List[0].Type.(*ast.Ident)
	return ok && name.Name == "bool"
}

// TestFileNames keeps names out that say nothing of what a file holds.
func TestFileNames(t *testing.T) {
	bad := readWords(t, "file-names.txt")
	unclean := readExceptions(t, "file-names-unclean.txt")
	for _, file := range files(t) {
		name := strings.TrimSuffix(strings.TrimSuffix(path.Base(file), ".go"), "_test")
		if strings.HasSuffix(file, ".go") && slices.Contains(bad, name) && !unclean.has(areaOf(file)) {
			t.Errorf("%s: name it after the noun that it holds", file)
		}
	}
	unclean.unused(t)
}
