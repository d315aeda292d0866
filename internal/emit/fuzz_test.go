package emit

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/profile"
)

// fuzzProfile asks for one of everything.
func fuzzProfile() profile.Profile {
	return profile.Profile{
		User: profile.User{UID: 101, GID: 102, Groups: []int64{7}}, WorkingDir: "/tmp", Env: map[string]string{"HOME": "/tmp"}, LowPorts: true,
		AddCapabilities: []string{"NET_BIND_SERVICE"},
		Mounts: []profile.Mount{
			{Path: "/data", Kind: profile.Owned}, {Path: "/etc/app", Kind: profile.Seeded}, {Path: "/tmp", Kind: profile.Plain, Medium: profile.Memory},
		},
	}
}

// Whatever the source: an error, or a result that keeps every line that the report does not call replaced, means what
// was wanted (Splice proves that itself), and does not change again.
func FuzzSplice(f *testing.F) {
	names, err := filepath.Glob("testdata/splice/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if file.Name == "in.yaml" {
				f.Add(file.Data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		out, report, err := spliceAll(source)
		if err != nil {
			return
		}
		if lost := lostLine(source, out, report); lost != "" && !bytes.ContainsAny(source, "[{") {
			t.Errorf("a line is gone: %q\n%s", lost, out)
		}
		twice, _, err := spliceAll(out)
		if err != nil {
			t.Fatalf("a second time: %v\n%s", err, out)
		}
		if !bytes.Equal(out, twice) {
			t.Errorf("a second time changes something:\n%s\n=====\n%s", out, twice)
		}
	})
}

func spliceAll(source []byte) ([]byte, Report, error) { return spliceWith(source, fuzzProfile()) }

// spliceWith writes one profile into all containers.
func spliceWith(source []byte, p profile.Profile) ([]byte, Report, error) {
	f, err := manifest.Parse("in.yaml", source, "")
	if err != nil {
		return nil, Report{}, err
	}
	edits, err := allEdits(f)
	if err != nil {
		return nil, Report{}, err
	}
	for i := range edits {
		edits[i].Profile = p
	}
	return Splice(f, edits)
}

func allEdits(f *manifest.File) ([]Edit, error) {
	targets, err := f.Select("", "")
	if err != nil {
		return nil, err
	}
	var edits []Edit
	for _, t := range targets {
		edits = append(edits, Edit{Pod: t.Pod, Container: t.Container.Name, Profile: fuzzProfile(), NoToken: true})
	}
	return edits, nil
}

// lostLine is the first line of the input that is not in the output behind the ones before it, replaced ones aside.
func lostLine(in, out []byte, report Report) string {
	replaced := map[int]bool{}
	for _, c := range report.Changes {
		if c.Action == "replaced" || c.Action == "removed" {
			for i := range 1 + strings.Count(c.Old, "\n") {
				replaced[c.Line+i] = true
			}
		}
	}
	rest := bytes.Split(out, []byte("\n"))
	for i, line := range bytes.Split(in, []byte("\n")) {
		if replaced[i+1] {
			continue
		}
		for len(rest) > 0 && !isSame(bytes.TrimRight(line, "\r"), bytes.TrimRight(rest[0], "\r")) {
			rest = rest[1:]
		}
		if len(rest) == 0 {
			return string(line)
		}
		rest = rest[1:]
	}
	return ""
}

// isSame reports whether a line is still there. A key without a value may have got one behind it.
func isSame(before, now []byte) bool {
	return bytes.Equal(before, now) || bytes.HasSuffix(before, []byte(":")) && bytes.HasPrefix(now, append(before[:len(before):len(before)], ' '))
}
