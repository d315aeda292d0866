package redact

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
)

func redactor(secrets []string, patterns ...string) *Redactor {
	r := &Redactor{}
	r.Hide(secrets...)
	for _, p := range patterns {
		r.Match(regexp.MustCompile(p))
	}
	return r
}

func TestString(t *testing.T) {
	for _, c := range []struct {
		name     string
		secrets  []string
		patterns []string
		in, want string
	}{
		{"nothing to hide", nil, nil, "a b", "a b"},
		{"a secret", []string{"hunter2"}, nil, "-p hunter2, phunter2x", "-p ***, p***x"},
		{"with white space around it", []string{"hunter2\n"}, nil, "is hunter2.", "is ***."},
		{"its lines", []string{"first line\nsecond line\nend"}, nil, "> second line\n> end", "> ***\n> end"},
		{"a short one, as a word", []string{"abc"}, nil, "abc abcd xabc a-abc=abc", "*** abcd xabc a-***=***"},
		{"two characters", []string{"ab"}, nil, "ab", "ab"},
		{"as JSON", []string{"a\"b<c>\n&d"}, nil, `{"x":"a\"b\u003cc\u003e\n\u0026d"} {"x":"a\"b<c>\n&d"}`, `{"x":"***"} {"x":"***"}`},
		{"as HTML", []string{`<p&w">`}, nil, "&lt;p&amp;w&#34;&gt;", "***"},
		{"in a URL", []string{"p@ss/w?rd"}, nil, "db://u:p%40ss%2Fw%3Frd@h", "db://u:***@h"},
		{"in single quotes", []string{"it's me"}, nil, `'it'\''s me'`, "'***'"},
		{"in base64", []string{"hunter2"}, nil, "aHVudGVyMg== aHVudGVyMg", "*** ***"},
		{"unicode", []string{"pässwörd€"}, nil, `pässwörd€ p\u00e4ssw\u00f6rd\u20ac`, "*** ***"},
		{"one in another", []string{"secret", "secret-longer"}, nil, "secret-longer secret", "*** ***"},
		{"overlapping", []string{"abcdef", "defghi"}, nil, "abcdefghi", "***"},
		{"cut at the beginning", []string{"hunter2-and-more"}, nil, "r2-and-more is set", "*** is set"},
		{"cut at the end", []string{"hunter2-and-more"}, nil, "set: hunter2-a...", "set: ***..."},
		{"a pattern", nil, []string{`tok_[a-z]+`}, "x tok_abc, tok_d", "x ***, ***"},
		{"a pattern over a secret", []string{"abcdef"}, []string{`def\d+`}, "abcdef12 x", "*** x"},
		{"a pattern that can be empty", nil, []string{`x*`}, "axxb", "a***b"},
	} {
		r := redactor(c.secrets, c.patterns...)
		got := r.String(c.in)
		if got != c.want {
			t.Errorf("%s: %q became %q, want %q", c.name, c.in, got, c.want)
		}
		if again := r.String(got); again != got {
			t.Errorf("%s: %q became %q", c.name, got, again)
		}
	}
	if (*Redactor)(nil).String("a") != "a" {
		t.Error("a nil Redactor changes a text")
	}
}

type kind string

type nested struct {
	Text   string
	List   []string
	Map    map[string]string
	Next   *nested
	Any    any
	Kind   kind
	Bytes  []byte
	hidden string
}

func TestApply(t *testing.T) {
	in := nested{
		Text: "a hunter2", List: []string{"hunter2"}, Map: map[string]string{"k hunter2": "hunter2"}, Any: []any{"hunter2", 1},
		Kind: "hunter2", Bytes: []byte("hunter2"), hidden: "hunter2", Next: &nested{Text: "hunter2"},
	}
	before := fmt.Sprintf("%+v %+v", in, *in.Next)
	out := Apply(redactor([]string{"hunter2"}), in)
	if got := fmt.Sprintf("%+v %+v", in, *in.Next); got != before {
		t.Errorf("the original became %s", got)
	}
	if out.Text != "a ***" || out.List[0] != "***" || out.Map["k ***"] != "***" || out.Next.Text != "***" || fmt.Sprint(out.Any) != "[*** 1]" {
		t.Errorf("got %+v %+v", out, out.Next)
	}
	if out.Kind != "hunter2" || string(out.Bytes) != "hunter2" || out.hidden != "hunter2" {
		t.Errorf("it changed what is no text: %+v", out)
	}
	if got := Apply[nested](nil, in); got.Text != in.Text {
		t.Errorf("a nil Redactor made %+v", got)
	}
	if got := Apply(redactor([]string{"x"}), nested{}); got.List != nil || got.Map != nil || got.Next != nil || got.Any != nil {
		t.Errorf("nothing became %+v", got)
	}
}

func TestWriter(t *testing.T) {
	var b bytes.Buffer
	r := &Redactor{}
	w := r.Writer(&b)
	fmt.Fprintln(w, "hunter2")
	r.Hide("hunter2")
	if n, err := fmt.Fprintln(w, "hunter2"); n != 8 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if b.String() != "hunter2\n***\n" {
		t.Errorf("wrote %q", b.String())
	}
}

// TestConcurrentUse is for the race detector.
func TestConcurrentUse(*testing.T) {
	r := &Redactor{}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			r.Hide(fmt.Sprint("secret", i))
			_ = r.String("secret1 secret2")
		})
	}
	wg.Wait()
}

// FuzzString makes sure that no secret of five or more characters is left, and that the rest of the text is.
func FuzzString(f *testing.F) {
	f.Add("abcdef", "x abcdef y")
	f.Add("a\nb\nc", "a\nb\nc")
	f.Add("*****", "*****")
	f.Fuzz(func(t *testing.T, secret, text string) {
		got := redactor([]string{secret}).String(text)
		if len(strings.TrimSpace(secret)) >= anywhere && !strings.Contains(secret, "*") && strings.Contains(got, secret) {
			t.Errorf("%q in %q became %q", secret, text, got)
		}
		if !strings.Contains(text, secret) && secret != "" && len(secret) < shortest && got != text {
			t.Errorf("%q became %q", text, got)
		}
	})
}
