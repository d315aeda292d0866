package observe

import (
	"regexp"
	"strings"
)

// numbers finds what differs between lines that say the same: times, addresses, process ids.
var numbers = regexp.MustCompile(`(?i)\b[0-9a-f]*[0-9][0-9a-f]*\b|[0-9]+`)

// LineTemplate returns a log line without what differs each time that it is written: two lines with one template say the
// same.
func LineTemplate(line string) string { return numbers.ReplaceAllString(strings.TrimSpace(line), "0") }
