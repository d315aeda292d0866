package observe

import (
	"regexp"
	"strings"
)

// numbers matches the parts that differ between repetitions of a log line: times, addresses, process IDs.
var numbers = regexp.MustCompile(`(?i)\b[0-9a-f]*[0-9][0-9a-f]*\b|[0-9]+`)

// LineTemplate returns a trimmed log line with "0" in place of every number. Two lines with the same template carry the same
// message.
func LineTemplate(line string) string { return numbers.ReplaceAllString(strings.TrimSpace(line), "0") }

// errorWords finds lines that report an error.
var errorWords = regexp.MustCompile(`(?i)\b(?:error|fatal|panic|critical|crit|emerg|failed|failure|traceback)\b`)

// ReportsError reports whether a log line seems to report an error.
func ReportsError(line string) bool { return errorWords.MatchString(line) }

var (
	colors = regexp.MustCompile("\x1b\\[[0-9;]*m")
	// moreErrorWords find errors as well. ReportsError leaves them out, since lines without a fault contain them too.
	moreErrorWords = regexp.MustCompile(`(?i)\b(?:exception|cannot|could not|unable to)\b|(?-i:[[:lower:]](?:Error|Exception))\b`)
	// harmlessLine matches lines that only name an error: of a low level, of a count that is 0, of a setting.
	harmlessLine = regexp.MustCompile(`\b(?:TRACE|DEBUG|INFO|NOTICE)\b|(?i)\blevel"?[=:] ?"?(?:trace|debug|info|notice)|\blevel"?[=:] ?"?error"?$|` +
		`\b(?:no|0|without) (?:errors?|failed|failures?)\b|\b(?:errors?|failed|failures?)[=:] ?0\b`)
)

// FirstError returns the first line of a log that looks like the report of an error, trimmed. It returns "" if there is none.
func FirstError(log string) string {
	for l := range strings.Lines(log) {
		head := strings.TrimSpace(colors.ReplaceAllString(l[:min(len(l), 4096)], ""))
		if (ReportsError(head) || moreErrorWords.MatchString(head)) && !harmlessLine.MatchString(head) {
			return strings.TrimSpace(l)
		}
	}
	return ""
}
