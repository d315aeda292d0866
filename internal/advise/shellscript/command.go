// Package shellscript lists the commands of a shell script and expands their words with the variables that are known. It
// runs nothing.
package shellscript

import (
	"fmt"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

const (
	maxScript = 128 << 10 // bytes of a script that is parsed
	maxDepth  = 1000      // open brackets: the parser's stack grows with them
)

// Command is one simple command of a script.
type Command struct {
	Line    int      // in the script, from 1
	Text    string   // as written
	Pipe    *Command // the command whose output this one reads; nil if none
	Heredoc bool     // the input is a here-document or a here-string: see Input

	words   []*syntax.Word
	assigns []*syntax.Assign
	redirs  []*syntax.Redirect
	source  string
}

// Parse returns the simple commands of a script in their order, those of conditions, loops and functions included, those
// of command substitutions not. The error says where the script could not be parsed; the commands before that place are
// returned with it.
func Parse(source string) ([]Command, error) {
	if len(source) > maxScript {
		return nil, fmt.Errorf("the script is longer than %d bytes", maxScript)
	}
	if depth(source) > maxDepth {
		return nil, fmt.Errorf("the script nests more than %d brackets", maxDepth)
	}
	var best lister
	var failure error
	for _, lang := range []syntax.LangVariant{syntax.LangBash, syntax.LangPOSIX} {
		l := lister{source: source}
		err := l.parse(lang)
		if err == nil {
			return l.out, nil
		}
		if failure == nil || len(l.out) > len(best.out) {
			best, failure = l, err
		}
	}
	return best.out, failure
}

// depth returns how many brackets are open at most. Quotes do not matter: the depth bounds the parser's stack.
func depth(source string) int {
	open, most := 0, 0
	for i := range len(source) {
		switch source[i] {
		case '(', '{', '[', '`':
			open++
			most = max(most, open)
		case ')', '}', ']', '\n':
			open = max(0, open-1)
		}
	}
	return most
}

// lister collects the simple commands of a syntax tree.
type lister struct {
	source string
	out    []Command
}

// parse lists the commands up to the first error. It does not leave the loop there: some errors are yielded twice.
func (l *lister) parse(lang syntax.LangVariant) (failure error) {
	for s, err := range syntax.NewParser(syntax.Variant(lang)).StmtsSeq(strings.NewReader(l.source)) {
		if failure == nil {
			failure = err
		}
		if failure == nil {
			l.statement(s, nil)
		}
	}
	return failure
}

func (l *lister) statements(all []*syntax.Stmt, redirs []*syntax.Redirect) {
	for _, s := range all {
		l.statement(s, redirs)
	}
}

// statement adds the commands of a statement. A redirection of a compound command holds for all commands in it.
func (l *lister) statement(s *syntax.Stmt, redirs []*syntax.Redirect) {
	redirs = append(redirs[:len(redirs):len(redirs)], s.Redirs...)
	switch c := s.Cmd.(type) {
	case nil:
		l.add(s, nil, nil, redirs)
	case *syntax.CallExpr:
		l.add(s, c.Assigns, c.Args, redirs)
	case *syntax.DeclClause:
		l.add(s, c.Args, nil, redirs)
	case *syntax.BinaryCmd:
		l.binary(c, redirs)
	case *syntax.Block:
		l.statements(c.Stmts, redirs)
	case *syntax.Subshell:
		l.statements(c.Stmts, redirs)
	case *syntax.IfClause:
		for ; c != nil; c = c.Else {
			l.statements(c.Cond, redirs)
			l.statements(c.Then, redirs)
		}
	case *syntax.WhileClause:
		l.statements(c.Cond, redirs)
		l.statements(c.Do, redirs)
	case *syntax.ForClause:
		l.statements(c.Do, redirs)
	case *syntax.CaseClause:
		for _, item := range c.Items {
			l.statements(item.Stmts, redirs)
		}
	case *syntax.FuncDecl:
		l.statement(c.Body, redirs)
	case *syntax.TimeClause:
		if c.Stmt != nil {
			l.statement(c.Stmt, redirs)
		}
	case *syntax.CoprocClause:
		l.statement(c.Stmt, redirs)
	}
}

func (l *lister) binary(c *syntax.BinaryCmd, redirs []*syntax.Redirect) {
	start := len(l.out)
	l.statement(c.X, redirs)
	begin := len(l.out)
	l.statement(c.Y, redirs)
	if (c.Op == syntax.Pipe || c.Op == syntax.PipeAll) && begin > start && begin < len(l.out) {
		left := l.out[begin-1]
		l.out[begin].Pipe = &left
	}
}

func (l *lister) add(s *syntax.Stmt, assigns []*syntax.Assign, words []*syntax.Word, redirs []*syntax.Redirect) {
	c := Command{
		Line: int(s.Pos().Line()), Text: slice(l.source, s), //nolint:gosec // a line number
		assigns: assigns, words: words, redirs: redirs, source: l.source,
	}
	for _, r := range redirs {
		c.Heredoc = c.Heredoc || r.Hdoc != nil || r.Op == syntax.WordHdoc
	}
	l.out = append(l.out, c)
}

// slice returns the source of a node.
func slice(source string, n syntax.Node) string {
	from, to := int(n.Pos().Offset()), int(n.End().Offset()) //nolint:gosec // offsets in the source
	to = min(to, len(source))
	return source[min(from, to):to]
}
