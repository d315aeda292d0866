package archtest

import (
	"go/ast"
	"path"
	"slices"
	"testing"
)

// The numbers that keep the code readable in small pieces.
const (
	maxFunctionMean   = 15  // lines, of all functions
	maxFunctionP90    = 30  // lines
	maxFunction       = 60  // lines
	maxMethods        = 25  // of one type
	maxFilesOfPackage = 20  // without tests
	maxFile           = 300 // lines
)

func TestFunctionsAreShort(t *testing.T) {
	var lines []int
	sum := 0
	for _, f := range goFiles(t) {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || f.test() {
				continue
			}
			n := f.set.Position(fn.End()).Line - f.line(fn.Type) + 1
			if n > maxFunction {
				t.Errorf("%s:%d: %s has %d lines, more than %d", f.name, f.line(fn), fn.Name.Name, n, maxFunction)
			}
			lines, sum = append(lines, n), sum+n
		}
	}
	slices.Sort(lines)
	mean, p90 := float64(sum)/float64(len(lines)), lines[len(lines)*9/10]
	t.Logf("%d functions: mean %.1f lines, p90 %d, longest %d", len(lines), mean, p90, lines[len(lines)-1])
	if mean >= maxFunctionMean || p90 >= maxFunctionP90 {
		t.Errorf("functions have %.1f lines on average and p90 %d: keep them below %d and %d", mean, p90, maxFunctionMean, maxFunctionP90)
	}
}

func TestTypesAndPackagesAreSmall(t *testing.T) {
	methods, sources := map[string]int{}, map[string]int{}
	large := readExceptions(t, "large.txt")
	tooMany := func(what string, n, limit int, of string) {
		if n > limit && !large.has(what) {
			t.Errorf("%s has %d %s, more than %d", what, n, of, limit)
		}
	}
	for _, f := range goFiles(t) {
		if f.test() {
			continue
		}
		dir := path.Dir(f.name)
		sources[dir]++
		tooMany(f.name, f.set.Position(f.FileEnd).Line, maxFile, "lines")
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil {
				methods[dir+"."+receiver(fn)]++
			}
		}
	}
	for name, n := range methods {
		tooMany(name, n, maxMethods, "methods")
	}
	for dir, n := range sources {
		tooMany(dir, n, maxFilesOfPackage, "files")
	}
	large.unused(t)
}

// receiver returns the name of the type that a method belongs to.
func receiver(fn *ast.FuncDecl) string {
	expr := fn.Recv.List[0].Type
	if star, ok := expr.(*ast.StarExpr); ok {
		expr = star.X
	}
	switch e := expr.(type) {
	case *ast.IndexExpr:
		expr = e.X
	case *ast.IndexListExpr:
		expr = e.X
	}
	name, _ := expr.(*ast.Ident)
	return name.Name
}
