// Package script reads shell scripts far enough to find their commands. It runs nothing.
package script

import "strings"

// Command is one simple command of a shell script.
type Command struct {
	Line  int
	Words []string // quotes removed, expansions kept as written
}

// keywords are the words of the shell grammar after which a new command begins.
var keywords = map[string]bool{
	"if": true, "then": true, "else": true, "elif": true, "do": true, "while": true, "until": true, "!": true,
	"{": true, "(": true, "fi": true, "done": true, "esac": true, "time": true, "}": true, ")": true,
}

// Parse splits a script into its simple commands, in their order, whatever the conditions around them. It knows
// quotes, comments, continuation lines, substitutions and here-documents well enough to find commands and their words;
// it is no shell, and text that it does not understand becomes words.
func Parse(text string) []Command {
	s := &scanner{text: text, line: 1}
	for s.at < len(s.text) {
		s.step()
	}
	s.endCommand()
	return s.out
}

// scanner is the state of Parse.
type scanner struct {
	text    string
	at      int
	line    int
	word    strings.Builder
	inWord  bool
	cmd     Command
	out     []Command
	heredoc []string // delimiters of here-documents that begin on the next line
}

func (s *scanner) step() {
	c := s.text[s.at]
	switch {
	case c == '\\' && s.peek(1) == '\n':
		s.line++
		s.at += 2
	case c == '\\':
		s.at++
		if s.at < len(s.text) {
			s.put(s.text[s.at])
			s.at++
		}
	case c == '\n':
		s.endCommand()
		s.line++
		s.at++
		s.skipHeredocs()
	case c == ' ' || c == '\t' || c == '\r':
		s.endWord()
		s.at++
	default:
		s.inLine(c)
	}
}

// inLine takes what may stand in a line: comments, quotes, substitutions, here-documents, the ends of commands, words.
func (s *scanner) inLine(c byte) {
	switch {
	case c == '#' && !s.inWord:
		s.skipTo('\n')
	case strings.IndexByte("'\"`", c) >= 0:
		s.quoted(c)
	case c == '$' && (s.peek(1) == '(' || s.peek(1) == '{'):
		s.substitution()
	case c == '<' && s.peek(1) == '<' && s.peek(2) != '<':
		s.startHeredoc()
	case strings.IndexByte(";&|()", c) >= 0:
		s.endCommand()
		s.at++
	default:
		s.put(c)
		s.at++
	}
}

func (s *scanner) peek(n int) byte {
	if s.at+n < len(s.text) {
		return s.text[s.at+n]
	}
	return 0
}

func (s *scanner) put(c byte) {
	s.word.WriteByte(c)
	s.inWord = true
}

func (s *scanner) skipTo(end byte) {
	for s.at < len(s.text) && s.text[s.at] != end {
		s.at++
	}
}

// quoted takes a quoted part into the word, without its quotes.
func (s *scanner) quoted(q byte) {
	s.inWord = true
	for s.at++; s.at < len(s.text) && s.text[s.at] != q; s.at++ {
		c := s.text[s.at]
		if c == '\\' && q == '"' && s.at+1 < len(s.text) {
			s.at++
			c = s.text[s.at]
		}
		if c == '\n' {
			s.line++
		}
		s.put(c)
	}
	s.at++
}

// substitution takes $(...) or ${...} into the word as it is written.
func (s *scanner) substitution() {
	depth := 0
	for s.at < len(s.text) {
		c := s.text[s.at]
		s.put(c)
		s.at++
		switch c {
		case '\n':
			s.line++
		case '(', '{':
			depth++
		case ')', '}':
			if depth--; depth == 0 {
				return
			}
		}
	}
}

func (s *scanner) startHeredoc() {
	s.at += 2
	if s.peek(0) == '-' {
		s.at++
	}
	for s.peek(0) == ' ' {
		s.at++
	}
	begin := s.at
	for s.at < len(s.text) && strings.IndexByte(" \t\n;|&)", s.text[s.at]) < 0 {
		s.at++
	}
	if d := strings.Trim(s.text[begin:s.at], `"'\`); d != "" {
		s.heredoc = append(s.heredoc, d)
	}
}

func (s *scanner) skipHeredocs() {
	for _, end := range s.heredoc {
		for s.at < len(s.text) {
			line, _, _ := strings.Cut(s.text[s.at:], "\n")
			s.at = min(s.at+len(line)+1, len(s.text))
			s.line++
			if strings.TrimSpace(line) == end {
				break
			}
		}
	}
	s.heredoc = nil
}

func (s *scanner) endWord() {
	if !s.inWord {
		return
	}
	w := s.word.String()
	s.word.Reset()
	s.inWord = false
	if len(s.cmd.Words) == 0 {
		if keywords[w] {
			return
		}
		s.cmd.Line = s.line
	}
	s.cmd.Words = append(s.cmd.Words, w)
}

func (s *scanner) endCommand() {
	s.endWord()
	if len(s.cmd.Words) > 0 {
		s.out = append(s.out, s.cmd)
	}
	s.cmd = Command{}
}

// Assignment splits NAME=VALUE.
func Assignment(word string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(word, "=")
	if !ok || !isName(name) {
		return "", "", false
	}
	return name, value, true
}

func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// Expand replaces $NAME, ${NAME} and ${NAME:-default} by known values. ok is false when a value is not known.
func Expand(word string, vars map[string]string) (out string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(word); i++ {
		if word[i] != '$' || i+1 == len(word) {
			b.WriteByte(word[i])
			continue
		}
		name, rest := word[i+1:], ""
		if word[i+1] == '{' {
			end := strings.IndexByte(word[i:], '}')
			if end < 0 {
				return "", false
			}
			name, rest = word[i+2:i+end], ""
			i += end
			if n := strings.IndexAny(name, ":-=+?%#/"); n >= 0 {
				name, rest = name[:n], name[n:]
			}
		} else {
			n := 0
			for n < len(name) && isName(name[:n+1]) {
				n++
			}
			name = name[:n]
			i += n
		}
		value, known := vars[name]
		if !known || value == "" {
			def, has := defaultOf(rest)
			if !has {
				return "", false
			}
			if value, known = Expand(def, vars); !known {
				return "", false
			}
		}
		b.WriteString(value)
	}
	return b.String(), true
}

func defaultOf(rest string) (string, bool) {
	for _, op := range []string{":-", ":=", "-", "="} {
		if def, ok := strings.CutPrefix(rest, op); ok {
			return def, true
		}
	}
	return "", false
}
