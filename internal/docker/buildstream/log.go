package buildstream

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// maxBuildLines is how many of the last lines of a build are kept.
const maxBuildLines = 20

// Log is the output of a builder.
type Log struct {
	Lines []string // the last ones
	Made  []string // ids of the images that the steps made
	rest  string   // a line that has not ended yet
}

// Error is a build that failed for a reason in its Dockerfile or context.
type Error struct {
	Text  string   // the builder's own sentence
	Lines []string // the last ones of its output
}

func (e *Error) Error() string { return "the build fails: " + e.Text }

var (
	madeLine = regexp.MustCompile(`^ ---> ([0-9a-f]{12,64})$`)
	stepLine = regexp.MustCompile(`^Step \d+/\d+ : `)
)

// Follow reads a builder's answer to its end and reports its steps. A failed build is an *Error.
func Follow(body io.Reader, progress func(string)) (*Log, error) {
	log := &Log{}
	dec := json.NewDecoder(body)
	for {
		var msg struct {
			ID, Stream, Error string
			Aux               json.RawMessage
		}
		err := dec.Decode(&msg)
		if errors.Is(err, io.EOF) {
			return log, nil
		}
		if err != nil {
			return log, fmt.Errorf("reading the engine's answer: %w", err)
		}
		if msg.Error != "" {
			log.add("\n")
			return log, &Error{Text: OneLine(msg.Error), Lines: log.Lines}
		}
		text := msg.Stream
		if msg.ID == "moby.buildkit.trace" {
			var raw []byte
			if json.Unmarshal(msg.Aux, &raw) == nil {
				text = buildkitText(raw)
			}
		}
		for _, step := range log.add(text) {
			progress(step)
		}
	}
}

// add appends text, which may hold parts of lines, and returns the steps that begin in it.
func (l *Log) add(text string) (steps []string) {
	all := strings.Split(l.rest+text, "\n")
	l.rest = all[len(all)-1]
	for _, line := range all[:len(all)-1] {
		line = strings.TrimRight(line, " \r")
		if m := madeLine.FindStringSubmatch(line); m != nil {
			l.Made = append(l.Made, m[1])
			continue
		}
		if line == "" {
			continue
		}
		if stepLine.MatchString(line) || strings.HasPrefix(line, buildkitStep) {
			steps = append(steps, "building: "+line)
		}
		if len(l.Lines) == maxBuildLines {
			l.Lines = l.Lines[1:]
		}
		l.Lines = append(l.Lines, line)
	}
	return steps
}

// buildkitStep begins a line that names a step of BuildKit.
const buildkitStep = "=> "

// buildkitText finds, in a message of BuildKit's (moby.buildkit.v1.StatusResponse), the names of the steps that begin
// and what they print: vertexes are field 1, with name 3, start 5 and end 6; logs are field 3, with their text in 4.
func buildkitText(raw []byte) string {
	var b strings.Builder
	eachField(raw, func(field uint64, part []byte) {
		name, begun, ended, text := "", false, false, ""
		eachField(part, func(sub uint64, value []byte) {
			switch sub {
			case 3:
				name = string(value)
			case 4:
				text = string(value)
			case 5:
				begun = true
			case 6:
				ended = true
			}
		})
		switch {
		case field == 1 && begun && !ended:
			b.WriteString(buildkitStep + name + "\n")
		case field == 3:
			b.WriteString(text)
		}
	})
	return b.String()
}

// eachField calls for each field of a protobuf message that is bytes, a text or a message. Damage ends it.
func eachField(raw []byte, visit func(field uint64, value []byte)) {
	for len(raw) > 0 {
		key, n := binary.Uvarint(raw)
		if n <= 0 {
			return
		}
		raw = raw[n:]
		size, skip := 0, 0
		switch key & 7 {
		case 0: // a number
			_, skip = binary.Uvarint(raw)
		case 1:
			skip = 8
		case 5:
			skip = 4
		case 2:
			var n uint64
			n, skip = binary.Uvarint(raw)
			size = int(min(n, 1<<30))
		default:
			return
		}
		if skip <= 0 || skip > len(raw) || size > len(raw)-skip {
			return
		}
		if key&7 == 2 {
			visit(key>>3, raw[skip:skip+size])
		}
		raw = raw[skip+size:]
	}
}

// SameID reports whether two image ids are of one image; one may be a prefix of the other.
func SameID(a, b string) bool {
	a, b = strings.TrimPrefix(a, "sha256:"), strings.TrimPrefix(b, "sha256:")
	n := min(len(a), len(b))
	return n >= 12 && a[:n] == b[:n]
}

// OneLine returns a text with every run of white space as one space.
func OneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
