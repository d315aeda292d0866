package shellscript_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/advise/shellscript"
	"github.com/podseal/podseal/internal/golden"
	"github.com/rogpeppe/go-internal/txtar"
)

// Each archive holds a script and its commands, one a line: the line, the words, the files written, the input, the pipe.
func TestCommands(t *testing.T) {
	golden.Run(t, "testdata/*.txtar", func(_ *testing.T, a *txtar.Archive) []txtar.File {
		return golden.Want(listing(golden.Section(a, "script")))
	})
}

func listing(script string) string {
	var b strings.Builder
	env := shellscript.Env{Vars: map[string]string{"APP": "app", "LIST": "a b", "EMPTY": ""}, Args: []string{"one", "two words"}}
	commands, err := shellscript.Parse(script)
	for _, c := range commands {
		words := c.Words(env)
		c.Assign(env)
		fmt.Fprintf(&b, "%d: %q", c.Line, words)
		for _, w := range c.Writes(env) {
			fmt.Fprintf(&b, " > %s", w.Path)
			if w.Append {
				b.WriteString(" (appends)")
			}
		}
		if c.Heredoc {
			text, known := c.Input(env)
			fmt.Fprintf(&b, " < %q %v", text, known)
		}
		if c.Pipe != nil {
			fmt.Fprintf(&b, " | %q", c.Pipe.Words(env))
		}
		b.WriteString("\n")
	}
	if err != nil {
		fmt.Fprintf(&b, "error: %v\n", err)
	}
	return b.String()
}

// Hostile scripts end in an error or in unknown words, and neither in gigabytes nor in an overflown stack.
func TestHostileScripts(t *testing.T) {
	many := strings.Repeat
	for name, script := range map[string]string{
		"nested brackets": many("(", 100_000),
		"doubled value":   "a=xxxxxxxxxxxxxxxx\n" + many("a=$a$a\n", 64) + "run $a\n",
		"sequence":        "run {1..999999999}\n",
		"braces":          "run " + many("{a,b}", 64) + "\n",
		"replacement":     "a=" + many("x", 4000) + "\nrun ${a//x/${a//x/$a}}\n",
		"long word":       "run " + many("$APP", 10_000) + "\n",
		"long script":     many("run x\n", 100_000),
		"arithmetic":      "run $((9**9**9**9))\n",
	} {
		if got := listing(script); len(got) > 1_000_000 {
			t.Errorf("%s: %d bytes", name, len(got))
		}
	}
}

func TestExpand(t *testing.T) {
	vars := map[string]string{"APP": "app"}
	for word, want := range map[string]string{
		"plain": "plain true", "$APP": "app true", "${APP}x": "appx true", "${NONE}": " false", "${NONE:-web}": "web true",
		"$(id -u)": " false", "${": " false",
	} {
		got, known := shellscript.Expand(word, vars)
		if fmt.Sprint(got, " ", known) != want {
			t.Errorf("%s: %q %v, want %q", word, got, known, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"exec gosu app \"$@\"", "a=$(b `c` ${d:-e}) <<EOF\nx\nEOF\n'", "arr=(a b) && x[1]=2", "[[ $a =~ (b) ]] && ${!x} ${a@Q} ${a:1:2}",
		"case $1 in a) b;; esac | while read x; do y; done >> z", "${a:=b} ~root/x {a,b} $'\\x41' <<< $c", "((a++)); let b=1; declare -A m",
	} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, script string) {
		_ = listing(script)
		_, _ = shellscript.Expand(script, map[string]string{"a": "b"})
	})
}
