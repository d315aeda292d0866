// Package redact removes secrets from texts and values before they are shown.
package redact

import (
	"regexp"
	"strings"
)

// hidden stands for a secret.
const hidden = "***"

// value matches one argument of a command line, quoted or not.
const value = `("[^"]*"|'[^']*'|[^\s"';|&)]+)`

var (
	named    = regexp.MustCompile(`(?i)(^|\s)(--?(?:[a-z-]*-)?(?:password|passwd|passphrase|pass|secret|token|api-?key)[=\s]\s*)` + value)
	short    = regexp.MustCompile(`(^|\s)(-[wp]\s+)` + value)
	joined   = regexp.MustCompile(`(^|\s)(-p)([^\s"';|&)-][^\s"';|&)]*|"[^"]+"|'[^']+')`)
	variable = regexp.MustCompile(`(?i)\b([a-z0-9_]*(?:passwd|password|passphrase|secret|token|api_?key)[a-z0-9_]*=)` + value)
	address  = regexp.MustCompile(`(://[^/\s:@"']*:)([^@\s/"']+)(@)`)
	letters  = regexp.MustCompile(`^[a-z]{1,6}$`)
)

// Command returns a command line, or a line of a script, without the values of the options and variables that name a
// password, a token or a secret, and of -w and -p, whose value may be one. Values that are variables ($NAME), and paths
// after -w and -p, are kept.
func Command(line string) string {
	line = replace(named, line, func(string) bool { return false })
	line = replace(short, line, func(v string) bool { return strings.HasPrefix(v, "/") || strings.HasPrefix(v, "-") })
	line = replace(joined, line, letters.MatchString) // "-print", "-pr"
	line = variable.ReplaceAllStringFunc(line, func(s string) string {
		m := variable.FindStringSubmatch(s)
		if reference(m[2]) {
			return s
		}
		return m[1] + hidden
	})
	return address.ReplaceAllString(line, "${1}"+hidden+"${3}")
}

// replace hides the third group of each match, but for variables and for values that are to be kept.
func replace(re *regexp.Regexp, line string, keep func(value string) bool) string {
	return re.ReplaceAllStringFunc(line, func(s string) string {
		m := re.FindStringSubmatch(s)
		if reference(m[3]) || keep(m[3]) {
			return s
		}
		return m[1] + m[2] + hidden
	})
}

// reference reports whether a value is a variable, and so no secret itself.
func reference(value string) bool {
	return strings.HasPrefix(strings.Trim(value, `"`), "$")
}
