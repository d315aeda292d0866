package shellscript

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// words returns the words of the last command of a script.
func words(t *testing.T, script string, env Env) []string {
	t.Helper()
	if env.Vars == nil {
		env.Vars = map[string]string{}
	}
	commands, err := Parse(script)
	if err != nil || len(commands) == 0 {
		t.Fatalf("%.100s: %d commands, %v", script, len(commands), err)
	}
	for _, c := range commands[:len(commands)-1] {
		c.Words(env)
		c.Assign(env)
	}
	return commands[len(commands)-1].Words(env)
}

func TestBoundsOfScripts(t *testing.T) {
	many := strings.Repeat
	script := "run x #" + many("x", maxScript-len("run x #"))
	for name, c := range map[string]struct {
		script string
		want   bool
	}{
		"the longest script":       {script, true},
		"a longer one":             {script + "x", false},
		"the deepest brackets":     {many("(", maxDepth) + "run" + many(")", maxDepth), true},
		"deeper ones":              {many("(", maxDepth+1) + "run" + many(")", maxDepth+1), false},
		"brackets after brackets":  {many("[ a ]\n", 2*maxDepth), true},
		"a bracket without a left": {")", false},
	} {
		if _, err := Parse(c.script); (err == nil) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A word that is too costly to expand stands as it is written.
func TestWordsThatAreExpanded(t *testing.T) {
	many := strings.Repeat
	long := func(n int) string { return "${A:-" + many("x", n-len("${A:-}")) + "}" }
	nine := []string{"1", "2", "3", "4", "5", "6", "7", "8", "nine"}
	value := many("v", maxValue)
	for _, c := range []struct {
		script string
		env    Env
		want   []string
	}{
		{"run $A", Env{Vars: map[string]string{"A": "a b"}}, []string{"run", "a", "b"}},
		{"run $X $9", Env{Vars: map[string]string{"X": "x"}, Args: nine}, []string{"run", "x", "nine"}},
		{`run "$*"`, Env{Args: nine[:2]}, []string{"run", "1 2"}},
		{`run "${@:-none}"`, Env{Args: nine[:2]}, []string{"run", "1", "2"}},
		{"run $((1+1))", Env{}, []string{"run", "$((1+1))"}},
		{"run {1..3}", Env{}, []string{"run", "{1..3}"}},
		{"run a..b", Env{}, []string{"run", "a..b"}},
		{"run {a,b}{a,b}{a,b}{a,b}", Env{}, append([]string{"run"}, braces(4)...)},
		{"run {a,b}{a,b}{a,b}{a,b}{a,b}", Env{}, []string{"run", "{a,b}{a,b}{a,b}{a,b}{a,b}"}},
		{"run " + many("$A", maxParams), Env{Vars: map[string]string{"A": "a"}}, []string{"run", many("a", maxParams)}},
		{"run " + many("$A", maxParams+1), Env{Vars: map[string]string{"A": "a"}}, []string{"run", many("$A", maxParams+1)}},
		{"run " + long(maxWord), Env{Vars: map[string]string{"A": "a"}}, []string{"run", "a"}},
		{"run " + long(maxWord+1), Env{Vars: map[string]string{"A": "a"}}, []string{"run", long(maxWord + 1)}},
		{"run $A", Env{Vars: map[string]string{"A": value}}, []string{"run", value}},
		{"run ${A}x", Env{Vars: map[string]string{"A": value}}, []string{"run", "${A}x"}},
		{"A=x; export A; run $A", Env{}, []string{"run", "x"}},
		{"export \"$Y\"; run x", Env{}, []string{"run", "x"}},
		{"A=${B}; run \"$A\"", Env{Vars: map[string]string{"B": value}}, []string{"run", value}},
		{"A=a; A+=${B}; run \"$A\"", Env{Vars: map[string]string{"B": value[1:]}}, []string{"run", "a" + value[1:]}},
		{"A=a; A+=${B}; run \"$A\"", Env{Vars: map[string]string{"B": value}}, []string{"run", "$A"}},
		{"A=${B}x; run \"$A\"", Env{Vars: map[string]string{"B": value}}, []string{"run", "$A"}},
	} {
		if got := words(t, c.script, c.env); !slices.Equal(got, c.want) {
			t.Errorf("%.60s: %.100q, want %.100q", c.script, got, c.want)
		}
	}
}

// braces returns the words of n times {a,b}.
func braces(n int) []string {
	out := []string{""}
	for range n {
		var next []string
		for _, s := range out {
			next = append(next, s+"a", s+"b")
		}
		out = next
	}
	return out
}

func TestInput(t *testing.T) {
	vars := map[string]string{"A": "a"}
	for script, want := range map[string]string{
		"run":                   " false",
		"run <<E\n$A\nE":        "a\n true",
		"run <<E\n${A//a/b}\nE": " false",
		"run <<< $A":            "a\n true",
	} {
		commands, err := Parse(script)
		if err != nil {
			t.Fatal(err)
		}
		if text, known := commands[0].Input(Env{Vars: vars}); fmt.Sprint(text, " ", known) != want {
			t.Errorf("%q: %q %t, want %q", script, text, known, want)
		}
	}
	text := strings.Repeat("text\n", maxWord)
	commands, err := Parse("run <<E\n" + text + "E")
	if err != nil {
		t.Fatal(err)
	}
	if got, known := commands[0].Input(Env{}); !known || got != text {
		t.Errorf("a long text without variables: %d bytes, %t", len(got), known)
	}
}

// A command reads the output of the one before it in the pipe, if podseal reads that.
func TestPipes(t *testing.T) {
	for script, want := range map[string]string{
		"echo x | tee f": "echo x", "echo x; ((1)) | tee f": "", "((1)) | tee f": "", "tee f | ((1))": "", "echo x && tee f": "", "echo x |& tee f": "echo x",
	} {
		commands, err := Parse(script)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if last := commands[len(commands)-1]; last.Pipe != nil {
			got = last.Pipe.Text
		}
		if got != want {
			t.Errorf("%s: reads %q, want %q", script, got, want)
		}
	}
}

func TestExpandBounds(t *testing.T) {
	many := strings.Repeat
	for _, c := range []struct {
		name, word string
		want       bool
	}{
		{"the longest word", "${A:-" + many("x", maxWord-6) + "}", true},
		{"a longer one", "${A:-" + many("x", maxWord-5) + "}", false},
		{"the deepest brackets", "$A" + many("[", maxDepth), true},
		{"deeper ones", "$A" + many("[", maxDepth+1), false},
	} {
		if _, known := Expand(c.word, map[string]string{"A": "a"}); known != c.want {
			t.Errorf("%s: %t", c.name, known)
		}
	}
}
