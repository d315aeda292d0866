package redact

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
)

const (
	// shortest is the length of the shortest secret that is hidden: one or two characters would be found in nearly every word.
	shortest = 3
	// anywhere is the length from which a secret is also hidden inside longer words. A shorter one is hidden only as a whole word.
	anywhere = 5
	// leastRemnant is the length of the shortest remnant of a secret that is hidden where a text was cut.
	leastRemnant = 4
)

// Redactor replaces secrets by "***". A nil Redactor changes nothing. It is safe for concurrent use.
type Redactor struct {
	mu       sync.RWMutex
	patterns []*regexp.Regexp
	forms    []string // the secrets, each in every form that hides it no further; the longest first
}

// Match hides everything that the patterns match.
func (r *Redactor) Match(patterns ...*regexp.Regexp) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.patterns = append(r.patterns, patterns...)
}

// MatchTexts hides everything that the patterns match, which are texts of regular expressions. Its errors do not show a pattern,
// which may be a secret.
func (r *Redactor) MatchTexts(patterns []string) error {
	for i, pattern := range patterns {
		re, err := regexp.Compile(pattern)
		switch {
		case err != nil:
			return fmt.Errorf("number %d: not a regular expression", i+1)
		case re.MatchString(""):
			return fmt.Errorf("number %d: it matches the empty text: give a pattern of at least one character", i+1)
		}
		r.Match(re)
	}
	return nil
}

// Hide hides the values, and each line of a value with several lines, also where they are quoted or encoded. Values of less
// than three characters are not hidden.
func (r *Redactor) Hide(values ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range values {
		r.forms = append(r.forms, forms(v)...)
	}
	slices.SortFunc(r.forms, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	r.forms = slices.Compact(r.forms)
}

// String returns a text without secrets. Secrets that overlap are hidden as one.
func (r *Redactor) String(s string) string {
	if r == nil || s == "" {
		return s
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	var spans []span
	for _, f := range r.forms {
		spans = append(spans, find(s, f)...)
	}
	if r.forms != nil {
		spans = append(spans, r.remnants(s)...)
	}
	for _, p := range r.patterns {
		for _, m := range p.FindAllStringIndex(s, -1) {
			spans = append(spans, span{m[0], m[1]})
		}
	}
	return replaceSpans(s, spans)
}

// Writer returns a writer to w that hides secrets. Each text that is written must hold its secrets whole, as lines do.
func (r *Redactor) Writer(w io.Writer) io.Writer { return &writer{r, w} }

type writer struct {
	r *Redactor
	w io.Writer
}

func (w *writer) Write(p []byte) (int, error) {
	s := w.r.String(string(p))
	if s == string(p) {
		return w.w.Write(p)
	}
	if _, err := io.WriteString(w.w, s); err != nil {
		return 0, err
	}
	return len(p), nil
}

// span is a part of a text.
type span struct{ from, to int }

// find returns where a secret is in a text.
func find(s, secret string) []span {
	var out []span
	for at := 0; ; {
		i := strings.Index(s[at:], secret)
		if i < 0 {
			return out
		}
		from, to := at+i, at+i+len(secret)
		if len(secret) >= anywhere || !within(s, from, to) {
			out = append(out, span{from, to})
		}
		at = from + 1
	}
}

// within reports whether a part of a text is in a longer word.
func within(s string, from, to int) bool {
	return from > 0 && word(s[from-1]) && word(s[from]) || to < len(s) && word(s[to]) && word(s[to-1])
}

func word(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= 0x80
}

// remnants returns the ends of a text that are a part of a secret, at least half of it: outputs are cut to their last bytes.
func (r *Redactor) remnants(s string) []span {
	var out []span
	end := len(strings.TrimSuffix(strings.TrimSuffix(s, "..."), "…"))
	for _, f := range r.forms {
		for n := len(f) - 1; n >= leastRemnant && n >= len(f)/2; n-- {
			if strings.HasPrefix(s, f[len(f)-n:]) {
				out = append(out, span{0, n})
			}
			if strings.HasSuffix(s[:end], f[:n]) {
				out = append(out, span{end - n, end})
			}
		}
	}
	return out
}

// replaceSpans replaces parts of a text; those that touch are replaced as one.
func replaceSpans(s string, spans []span) string {
	spans = slices.DeleteFunc(spans, func(p span) bool { return p.from == p.to })
	if len(spans) == 0 {
		return s
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Or(a.from-b.from, a.to-b.to) })
	var b strings.Builder
	at, end := 0, -1
	for _, p := range spans {
		if p.from > end {
			b.WriteString(s[max(at, 0):p.from] + hidden)
		}
		end = max(end, p.to)
		at = end
	}
	b.WriteString(s[at:])
	return b.String()
}
