package redact

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// forms returns a secret as it can stand in a text: as it is, without the white space around it, line by line, and quoted or
// encoded as logs, URLs and manifests do it.
func forms(secret string) []string {
	var out []string
	add := func(s string) {
		if len(s) >= shortest && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	trimmed := strings.TrimSpace(secret)
	if len(trimmed) < shortest {
		return nil
	}
	for _, v := range []string{secret, trimmed} {
		add(v)
		for _, encode := range encodings {
			add(encode(v))
		}
	}
	if lines := strings.Split(trimmed, "\n"); len(lines) > 1 {
		for _, l := range lines {
			if l = strings.TrimSpace(l); len(l) >= anywhere {
				out = append(out, forms(l)...)
			}
		}
	}
	return out
}

// encodings write a text into another one.
var encodings = []func(string) string{
	func(s string) string { return asJSON(s, true) },
	func(s string) string { return asJSON(s, false) },
	func(s string) string { return strings.Trim(strconv.Quote(s), `"`) },
	func(s string) string { return strings.Trim(strconv.QuoteToASCII(s), `"`) },
	func(s string) string { return strings.ReplaceAll(s, "\n", `\n`) },
	func(s string) string { return strings.ReplaceAll(s, `'`, `'\''`) },
	html.EscapeString,
	url.QueryEscape,
	url.PathEscape,
	inBase64(base64.StdEncoding),
	inBase64(base64.RawStdEncoding),
	inBase64(base64.URLEncoding),
}

func inBase64(e *base64.Encoding) func(string) string {
	return func(s string) string { return e.EncodeToString([]byte(s)) }
}

func asJSON(s string, escapeHTML bool) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(escapeHTML)
	if enc.Encode(s) != nil {
		return ""
	}
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSuffix(b.String(), "\n"), `"`), `"`)
}
