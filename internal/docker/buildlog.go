package docker

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

// buildLog is what a builder said.
type buildLog struct {
	lines []string // the last ones
	made  []string // ids of the images that the steps made
	rest  string   // a line that has not ended yet
}

var (
	madeLine = regexp.MustCompile(`^ ---> ([0-9a-f]{12,64})$`)
	stepLine = regexp.MustCompile(`^Step \d+/\d+ : `)
)

// followBuild reads a builder's answer to its end, and passes its steps on.
func followBuild(body io.Reader, progress func(string)) (*buildLog, error) {
	log := &buildLog{}
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
			return log, &BuildError{Text: oneLine(msg.Error), Lines: log.lines}
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

// add takes text, which may hold parts of lines, and returns the steps that it begins.
func (l *buildLog) add(text string) (steps []string) {
	all := strings.Split(l.rest+text, "\n")
	l.rest = all[len(all)-1]
	for _, line := range all[:len(all)-1] {
		line = strings.TrimRight(line, " \r")
		if m := madeLine.FindStringSubmatch(line); m != nil {
			l.made = append(l.made, m[1])
			continue
		}
		if line == "" {
			continue
		}
		if stepLine.MatchString(line) || strings.HasPrefix(line, buildkitStep) {
			steps = append(steps, "building: "+line)
		}
		if len(l.lines) == maxBuildLines {
			l.lines = l.lines[1:]
		}
		l.lines = append(l.lines, line)
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

// sameID tells whether two image ids are of one image; the one may be the beginning of the other.
func sameID(a, b string) bool {
	a, b = strings.TrimPrefix(a, "sha256:"), strings.TrimPrefix(b, "sha256:")
	n := min(len(a), len(b))
	return n >= 12 && a[:n] == b[:n]
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
