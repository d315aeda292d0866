package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
)

// mutant is one small change to a source file that its tests should notice.
type mutant struct {
	file     string
	line     int
	column   int // in bytes, from 1
	offset   int // in bytes, where old stands
	old, new string
	source   string // the line, for the report
}

func (m mutant) String() string {
	was, now := m.old, m.new
	if now == "" {
		now = "nothing"
	}
	return fmt.Sprintf("%s:%d:%d: %s became %s: %s", m.file, m.line, m.column, was, now, m.source)
}

// apply returns the source with the change.
func (m mutant) apply(source []byte) []byte {
	return slices.Concat(source[:m.offset], []byte(m.new), source[m.offset+len(m.old):])
}

// flips are the operators that a mutant exchanges.
var flips = map[token.Token]token.Token{
	token.EQL: token.NEQ, token.NEQ: token.EQL,
	token.LSS: token.LEQ, token.LEQ: token.LSS,
	token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.LAND: token.LOR, token.LOR: token.LAND,
}

// steps are the operators that it exchanges in front of a number: x+1 becomes x-1.
var steps = map[token.Token]token.Token{token.ADD: token.SUB, token.SUB: token.ADD}

var booleans = map[string]string{"true": "false", "false": "true"}

// mutants returns all changes that can be made to a source file: exchanged comparisons, logical operators and steps by a
// number, exchanged booleans, and removed negations.
func mutants(file string, source []byte) ([]mutant, error) {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(string(source), "\n")
	var out []mutant
	add := func(at token.Pos, old, changed string) {
		p := set.Position(at)
		out = append(out, mutant{file, p.Line, p.Column, p.Offset, old, changed, strings.TrimSpace(lines[p.Line-1])})
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ReturnStmt:
			return !fails(n)
		case *ast.BinaryExpr:
			if to, ok := flips[n.Op]; ok {
				add(n.OpPos, n.Op.String(), to.String())
			}
			if to, ok := steps[n.Op]; ok && isNumber(n.Y) {
				add(n.OpPos, n.Op.String(), to.String())
			}
		case *ast.UnaryExpr:
			if n.Op == token.NOT {
				add(n.OpPos, "!", "")
			}
		case *ast.Ident:
			if to, ok := booleans[n.Name]; ok {
				add(n.Pos(), n.Name, to)
			}
		}
		return true
	})
	return out, nil
}

// fails reports whether a statement returns an error, which makes the other results meaningless.
func fails(n *ast.ReturnStmt) bool {
	if len(n.Results) < 2 {
		return false
	}
	switch last := n.Results[len(n.Results)-1].(type) {
	case *ast.Ident:
		return last.Name == "err"
	case *ast.CallExpr:
		called, ok := last.Fun.(*ast.SelectorExpr)
		return ok && slices.Contains([]string{"Errorf", "Fail", "fail"}, called.Sel.Name)
	}
	return false
}

func isNumber(e ast.Expr) bool {
	literal, ok := e.(*ast.BasicLit)
	return ok && literal.Kind == token.INT
}
