package archtest

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the project's folder, as seen from the tests.
const root = "../../"

// passage is a piece of prose: a comment, a text in the code, a paragraph of a page or a script.
type passage struct {
	file string
	line int
	text string // white space is collapsed
}

// area returns the entry of a passage in the lists of exceptions: the package of a Go file, the name of a page.
func (p passage) area() string { return areaOf(p.file) }

func areaOf(file string) string {
	if strings.HasSuffix(file, ".md") {
		return file
	}
	if dir := path.Dir(file); dir != "." && !strings.HasPrefix(dir, "examples") && !strings.HasPrefix(dir, "scripts") {
		return dir
	}
	return cmp.Or(strings.Split(file, "/")[0], file)
}

// files returns the project's own files, relative to root, without inputs and goldens of tests.
func files(t *testing.T) []string {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	all := strings.Fields(string(out))
	return slices.DeleteFunc(all, func(f string) bool {
		_, err := os.Stat(root + f) // a file may be deleted and not yet committed
		return err != nil || strings.Contains(f, "testdata/")
	})
}

// goFile is a parsed file.
type goFile struct {
	name string
	set  *token.FileSet
	*ast.File
}

func (f goFile) line(n ast.Node) int { return f.set.Position(n.Pos()).Line }

func (f goFile) test() bool { return strings.HasSuffix(f.name, "_test.go") }

func goFiles(t *testing.T) []goFile {
	t.Helper()
	var out []goFile
	for _, name := range files(t) {
		if !strings.HasSuffix(name, ".go") {
			continue
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, root+name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, goFile{name, set, parsed})
	}
	return out
}

// prose returns the comments of a Go file and, unless it is a test, its texts of several words.
func (f goFile) prose() []passage {
	var out []passage
	for _, c := range f.Comments {
		out = append(out, passage{f.name, f.line(c), collapse(c.Text())})
	}
	if f.test() {
		return out
	}
	ast.Inspect(f.File, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.CallExpr: // a pattern matches what others write
			name, _ := n.Fun.(*ast.SelectorExpr)
			return name == nil || name.Sel.Name != "MustCompile"
		case *ast.BasicLit:
			text, err := strconv.Unquote(n.Value)
			if err == nil && n.Kind == token.STRING && strings.Contains(text, " ") {
				out = append(out, passage{f.name, f.line(n), collapse(text)})
			}
		}
		return true
	})
	return out
}

func collapse(text string) string { return strings.Join(strings.Fields(text), " ") }

// written returns the paragraphs of pages and scripts.
func written(t *testing.T) []passage {
	t.Helper()
	var out []passage
	mark := regexp.MustCompile(`^\s*(#!.*|#|//|[-*>]|\d+\.)\s*`)
	for _, name := range files(t) {
		switch {
		case strings.HasSuffix(name, ".md"), strings.HasSuffix(name, ".sh"), name == "Makefile", name == ".golangci.yml", name == ".ci/run":
		default:
			continue
		}
		data, err := os.ReadFile(root + name)
		if err != nil {
			t.Fatal(err)
		}
		p := passage{file: name, line: 1}
		for i, l := range strings.Split(string(data)+"\n\n", "\n") {
			heading := strings.HasSuffix(name, ".md") && strings.HasPrefix(l, "#")
			if item := mark.FindString(l); strings.TrimSpace(l) == "" || heading || strings.Trim(item, " #/") != "" {
				out, p = append(out, p), passage{file: name, line: i + 1}
			}
			p.text = collapse(p.text + " " + strings.TrimSpace(mark.ReplaceAllString(l, "")))
		}
	}
	return slices.DeleteFunc(out, func(p passage) bool { return p.text == "" })
}

// exceptions is a list of areas that do not keep a rule yet. An area that keeps it has to leave the list.
type exceptions struct {
	file  string
	names []string
	used  map[string]bool
}

func readExceptions(t *testing.T, name string) *exceptions {
	t.Helper()
	return &exceptions{file: name, names: readWords(t, name), used: map[string]bool{}}
}

// has reports whether an area is excepted, and remembers that it still has to be.
func (e *exceptions) has(area string) bool {
	e.used[area] = true
	return slices.Contains(e.names, area)
}

func (e *exceptions) unused(t *testing.T) {
	t.Helper()
	for _, name := range e.names {
		if !e.used[name] {
			t.Errorf("%s keeps the rule now: remove it from internal/archtest/testdata/%s", name, e.file)
		}
	}
}

// readWords returns the words of a file below testdata, without its comments.
func readWords(t *testing.T, name string) []string {
	t.Helper()
	var out []string
	for _, l := range readLines(t, name) {
		out = append(out, strings.Fields(l)...)
	}
	return out
}

func readLines(t *testing.T, name string) []string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(strings.Split(string(data), "\n"), func(l string) bool { return l == "" || strings.HasPrefix(l, "#") })
}

func (p passage) String() string { return fmt.Sprintf("%s:%d", p.file, p.line) }
