package sealfile

import (
	"path"
	"regexp"
	"strings"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/redact"
	"github.com/podseal/podseal/internal/safetext"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/target"
)

// replacement puts a word in place of a part of a text that changes from run to run.
type replacement struct {
	pattern *regexp.Regexp
	by      string
}

// passing are the parts of messages that change from run to run, listed in the order of their replacement.
var passing = []replacement{
	{regexp.MustCompile(`\b\d{4}[-/.]\d{2}[-/.]\d{2}([T ]+\d{2}:\d{2}(:\d{2}([.,]\d+)?)?)?( ?(Z|[+-]\d{2}:?\d{2}))?\b`), "(time)"},
	{regexp.MustCompile(`\b\d{1,2}[/ -](Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[/ -]\d{4}[: ]\d{2}:\d{2}:\d{2}([.,]\d+)?( [+-]\d{4})?`), "(time)"},
	{regexp.MustCompile(`\b((Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d{1,2} \d{2}:\d{2}:\d{2}([.,]\d+)?( \d{4})?`), "(time)"},
	{regexp.MustCompile(`\b\d{2}:\d{2}:\d{2}([.,]\d+)?\b`), "(time)"},
	{regexp.MustCompile(`(?i)\b0x[0-9a-f]+\b`), "(address)"},
	{regexp.MustCompile(`\b(10\.\d+|172\.(1[6-9]|2\d|3[01])|192\.168)\.\d+\.\d+\b`), "(address)"},
	{regexp.MustCompile(`\b\d+#\d+:`), "(pid):"},
	{regexp.MustCompile(`\[\d+\]`), "[(pid)]"},
	{regexp.MustCompile(`(?i)\b(pid|process|thread)([ =:#]+)\d+\b`), "$1$2(pid)"},
	{regexp.MustCompile(`\b(\d+h)?(\d+m)?\d+(\.\d+)? ?(ns|µs|us|ms|s|sec|secs|seconds?|milliseconds?|minutes?)\b`), "(duration)"},
	{regexp.MustCompile(`(?i)(\bports?[ =:]+|\b127\.0\.0\.1:|\blocalhost:|\[::1?\]:)(3276[89]|327[7-9]\d|32[89]\d{2}|3[3-9]\d{3}|[45]\d{4}|60\d{3})\b`), "${1}(port)"}, // that an engine chose
	{regexp.MustCompile(`\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`), "(id)"},
	{regexp.MustCompile(`\b([0-9]+[a-f]|[a-f]+[0-9])[0-9a-f]{10,62}\b`), "(id)"}, // of a container
}

// absolute matches what may be an absolute path in a text.
var absolute = regexp.MustCompile(`/[^\s"'(),;:=]+`)

// cleaner makes the texts of a result fit for a seal file: without secrets, on one line, and without what changes from run to
// run.
type cleaner struct {
	target target.Target
	runID  string
	hosts  []string // of the runs
}

func newCleaner(res seal.Result) cleaner {
	c := cleaner{target: res.Target, runID: res.RunID}
	for _, r := range res.Rounds {
		c.hosts = append(c.hosts, r.Observation.Hostname)
	}
	return c
}

// onAnyHost returns a text without the names of the runs' hosts.
func (c cleaner) onAnyHost(s string) string {
	for _, name := range c.hosts {
		s = diff.OnAnyHost(s, name)
	}
	return s
}

// objectPrefix starts the names of what a run makes in the engine; the id of the run follows.
const objectPrefix = "podseal-"

// text cleans a sentence.
func (c cleaner) text(s string) string {
	s = redact.Command(c.target.Concealed([]string{s})[0])
	s = strings.ReplaceAll(c.onAnyHost(s), objectPrefix+c.runID, objectPrefix+"(run)") // the name of a host may have the id of the run
	for _, r := range passing {
		s = r.pattern.ReplaceAllString(s, r.by)
	}
	return safetext.Line(absolute.ReplaceAllStringFunc(s, stablePath))
}

// texts cleans sentences.
func (c cleaner) texts(in []string) []string {
	var out []string
	for _, s := range in {
		out = append(out, c.text(s))
	}
	return out
}

// stablePath returns a path with "*" in place of each part that was made up at run time.
func stablePath(at string) string {
	parts := strings.Split(at, "/")
	for i, part := range parts {
		if diff.Random(part) || isTemporary(part) {
			parts[i] = "*"
		}
	}
	return strings.Join(parts, "/")
}

// isTemporary reports whether a name ends in six characters as mkstemp(3) chooses them.
func isTemporary(name string) bool {
	if len(name) < 6 {
		return false
	}
	lower, upper, digit := 0, 0, 0
	for _, b := range []byte(name[len(name)-6:]) {
		switch {
		case b >= 'a' && b <= 'z':
			lower++
		case b >= 'A' && b <= 'Z':
			upper++
		case b >= '0' && b <= '9':
			digit++
		default:
			return false
		}
	}
	return lower > 0 && (upper > 1 || upper > 0 && digit > 0)
}

// path cleans a path.
func (c cleaner) path(at string) string {
	return safetext.Line(stablePath(c.onAnyHost(path.Clean(at))))
}

// instance matches the number of one of several threads or processes of one kind at the end of a name.
var instance = regexp.MustCompile(`([-:/#_ ])\d+$`)

// process cleans the name of a process.
func (c cleaner) process(name string) string {
	return safetext.Line(instance.ReplaceAllString(name, "${1}*"))
}
