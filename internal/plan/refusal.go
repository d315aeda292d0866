package plan

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/observe"
)

// refusals are the words of applications and libraries for a refused write, with the error number that they stand for.
var refusals = []struct {
	errno string
	words *regexp.Regexp
}{
	{"EROFS", regexp.MustCompile(`(?i)read-?only (?:file[ -]?system|director|folder|database)|\bEROFS\b|errno 30\b`)},
	{"EPERM", regexp.MustCompile(`(?i)operation not permitted|\bEPERM\b|errno 1\b`)},
	{"EACCES", regexp.MustCompile(`(?i)permission denied|\bEACCES\b|errno 13\b|access (?:to the path .* )?is denied|AccessDenied`)},
	{"", regexp.MustCompile(`(?i)not writ(?:e)?able|unwrit(?:e)?able|no write (?:permission|access)|(?:must|has to|needs to|should) be writ(?:e)?able|(?:can ?not|can't|could not|couldn't|unable to|failed to) (?:create|write|open|access|make|touch|mkdir|bind|rename|remove)|(?:no usable|not find a) temporary`)},
}

var (
	absolute  = regexp.MustCompile("(?:^|unix:|[^A-Za-z0-9._/:-])(/[^\\s'\"`‘’“”<>|;,()\\[\\]{}*?\\\\]+)")
	source    = regexp.MustCompile(`:\d+(?::\S*)?$`) // at the end of a path: it is a place in a program, as in x.rb:5:in
	inSource  = regexp.MustCompile(` in /\S+ on line \d+| in /\S+:\d+|:in ['\x60][^'\x60]*['\x60]|File "/[^"]+", line \d+`)
	requested = regexp.MustCompile(`\b(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE|PROPFIND|MKCOL) ["']?$`) // before a path: it is the path of an HTTP request
	accessLog = regexp.MustCompile(` HTTP/[0-9.]+"`)
	quoted    = regexp.MustCompile("['\"`‘“]([A-Za-z0-9._][^'\"`’”\\s]*)['\"`’”]")
	unquoted  = regexp.MustCompile(`^[a-z][\w.-]*: (\.{0,2}[\w/-][^\s:]*|\.{1,2}): [A-Z]`) // "tar: ./x: Cannot open"
	makesDir  = regexp.MustCompile(`(?i)mkdir|(?:create|creating|make|making) (?:the )?(?:temp(?:orary)? )?(?:director|folder)`)
	bindLine  = regexp.MustCompile(`(?i)\bbind|listen|socket`)
	stickyish = regexp.MustCompile(`(?i)sticky|world[- ]writ|insecure|temporary director|tmpdir`)
	unsafe    = regexp.MustCompile(`(?i)sticky|world[- ]writ|insecure|unsafe`) // complaints about a mode that do not report a refusal
	ownership = regexp.MustCompile(`(?i)owner|permissions|insecure|group or world|not owned|belongs to|chmod|chown|change mode|utime`)
)

// Refused is one line of the logs that reports a refusal.
type Refused struct {
	Line  string
	Errno string // "" if the line does not name the error
	Path  string // absolute and clean; "" if the line names none
	Bind  bool   // the line is about a socket
	Dir   bool   // the line is about making a folder
	Owner bool   // the line is about owners or modes
	Temp  bool   // the line is about temp folders or their modes
	// Output is set if the line is from the output of a failed e2e command, not from the application.
	Output bool
}

// ReadRefusals returns the lines of an application's logs that report a refused write, in their order. Relative paths are
// resolved against cwd; if cwd is "", they are ignored. At most 4096 bytes of a line are read.
func ReadRefusals(logs, cwd string) []Refused {
	var out []Refused
	for line := range strings.Lines(logs) {
		line = strings.TrimSpace(line)
		if r, ok := readRefusal(line[:min(len(line), 4096)], cwd); ok {
			out = append(out, r)
		}
	}
	return out
}

func readRefusal(line, cwd string) (Refused, bool) {
	for _, k := range refusals {
		at := k.words.FindStringIndex(line)
		if at == nil {
			continue
		}
		return Refused{
			Line: line, Errno: k.errno, Path: nearest(line, at, cwd), Bind: bindLine.MatchString(line),
			Dir: makesDir.MatchString(line), Owner: ownership.MatchString(line), Temp: stickyish.MatchString(line),
		}, true
	}
	return Refused{}, false
}

// nearest returns the path that a refusal is about: the last one before its words, else the first one after. at holds the
// start and end of the words. Places in a program's source do not count.
func nearest(line string, at []int, cwd string) string {
	line = inSource.ReplaceAllStringFunc(line, func(s string) string { return strings.Repeat(" ", len(s)) })
	before, after := "", ""
	for _, m := range absolute.FindAllStringSubmatchIndex(line, -1) {
		p := strings.TrimRight(line[m[2]:m[3]], ".:!")
		if strings.HasPrefix(p, "//") || source.MatchString(p) || requested.MatchString(line[:m[2]]) {
			continue
		}
		if m[2] < at[0] {
			before = p
		} else if after == "" {
			after = p
		}
	}
	// A shell names its script first and the refused path in quotes or last; a library names the path after the words.
	if after != "" && (before == "" || strings.HasPrefix(strings.TrimLeft(line, "["), before)) {
		return path.Clean(after)
	}
	if before != "" {
		return path.Clean(before)
	}
	return relative(line, at, cwd)
}

// relative returns the relative path that a refusal is about, resolved against cwd: a quoted name next to the words of the
// refusal, or the name at the start of a program's message. It returns "" if there is none.
func relative(line string, at []int, cwd string) string {
	const nearby = 32 // bytes between the name and the words
	if cwd == "" || accessLog.MatchString(line) {
		return ""
	}
	for _, m := range quoted.FindAllStringSubmatchIndex(line, -1) {
		if between := max(at[0]-m[1], m[0]-at[1]); between < nearby {
			return path.Join("/", cwd, line[m[2]:m[3]])
		}
	}
	if m := unquoted.FindStringSubmatch(line); m != nil {
		return path.Join("/", cwd, m[1])
	}
	return ""
}

// evidence returns the evidence of a failed run: the tracer's denials first, then the refusals in the logs and in the output of
// failed e2e commands, each path once.
func evidence(o observe.Observation, cwd string) (diff.List, []Refused) {
	lines := ReadRefusals(o.Logs, cwd)
	for _, c := range o.Commands {
		if c.Code == 0 {
			continue
		}
		for _, l := range ReadRefusals(c.Output, "") {
			l.Output = true
			lines = append(lines, l)
		}
	}
	list := diff.Collect(o).Denied()
	traced := complete(o)
	for _, l := range lines {
		// A path that only the logs name belongs to another machine or a URL, or is about reading. A line without an error may be
		// about a program that only asked for the right to write (access(2)); lines about temp folders have a separate rule.
		if traced && (l.Errno != "" || l.Temp) {
			continue
		}
		if l.Path == "" || slices.ContainsFunc(list, func(e diff.Evidence) bool { return e.Path == l.Path }) {
			continue
		}
		list = append(list, diff.FromLine(l.Path, l.Errno, l.Line, l.Dir))
	}
	return list, lines
}

// said returns the logs of a run, and the output of its failed e2e commands.
func said(logs string, commands []observe.CommandResult) string {
	for _, c := range commands {
		if c.Code != 0 {
			logs += "\n" + c.Output
		}
	}
	return logs
}

// complete reports whether the tracer saw every write of a run.
func complete(o observe.Observation) bool {
	return o.Trace.Complete() && len(o.Trace.Unseen) == 0
}

// absolutePaths returns the absolute paths that a line names, each clean.
func absolutePaths(line string) []string {
	var out []string
	for _, m := range absolute.FindAllStringSubmatch(line, -1) {
		if p := strings.TrimRight(m[1], ".:!"); !strings.HasPrefix(p, "//") {
			out = append(out, path.Clean(p))
		}
	}
	return out
}
