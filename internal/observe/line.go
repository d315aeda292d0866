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
