package dockerfile

import (
	"path"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/advise/shellscript"
)

// writes follows the text that a command writes to files.
func (s *state) writes(c runCommand) {
	targets := c.Writes(c.env)
	if c.Pipe != nil && path.Base(c.words[0]) == "tee" {
		appends := slices.Contains(c.words, "-a") || slices.Contains(c.words, "--append")
		for _, w := range c.words[1:] {
			if !strings.HasPrefix(w, "-") {
				targets = append(targets, shellscript.Write{Path: w, Append: appends})
			}
		}
	}
	if len(targets) == 0 {
		return
	}
	text, known := s.output(c)
	for _, t := range targets {
		at := join(s.dir, t.Path)
		switch {
		case known:
			s.write(at, text, t.Append, c.in)
		case at == accountFiles[0]:
			s.accounts.opaque = c.in.Line
		default:
			s.files[at] = file{unknown: true}
		}
	}
}

// output returns the text that echo, printf, cat and tee write.
func (s *state) output(c runCommand) (string, bool) {
	switch path.Base(c.words[0]) {
	case "echo":
		return echo(c.words[1:])
	case "printf":
		return printf(c.words[1:])
	case "tee":
		if c.Pipe != nil {
			return s.output(runCommand{Command: *c.Pipe, words: c.Pipe.Words(c.env), env: c.env, in: c.in})
		}
	case "cat":
		if len(c.words) == 1 {
			return c.Input(c.env)
		}
		if f, ok := s.find(join(s.dir, c.words[1])); ok && len(c.words) == 2 {
			return f.text, f.from == "" && !f.unknown
		}
	}
	return "", false
}

func echo(words []string) (string, bool) {
	end, escapes := "\n", false
	for len(words) > 0 && (words[0] == "-n" || words[0] == "-e" || words[0] == "-ne" || words[0] == "-en") {
		if strings.Contains(words[0], "n") {
			end = ""
		}
		escapes = escapes || strings.Contains(words[0], "e")
		words = words[1:]
	}
	text := strings.Join(words, " ")
	if escapes {
		text = unescape(text)
	}
	return text + end, !strings.Contains(text, "$")
}

// printf formats %s and %d. Other directives are not known.
func printf(words []string) (string, bool) {
	if len(words) == 0 {
		return "", false
	}
	format, args := unescape(words[0]), words[1:]
	var b strings.Builder
	for {
		rest := args
		for i := 0; i < len(format); i++ {
			switch {
			case format[i] != '%' || i+1 == len(format):
				b.WriteByte(format[i])
				continue
			case format[i+1] == '%':
				b.WriteByte('%')
			case format[i+1] == 's' || format[i+1] == 'd':
				if len(rest) > 0 {
					b.WriteString(rest[0])
					rest = rest[1:]
				}
			default:
				return "", false
			}
			i++
		}
		if len(rest) == 0 || len(rest) == len(args) {
			return b.String(), !strings.Contains(b.String(), "$")
		}
		args = rest
	}
}

func unescape(s string) string {
	return strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\\`, `\`).Replace(s)
}
