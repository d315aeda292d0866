package emit

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/yamledit"
)

// Both git and patch make the sealed file of the diff and the original, whatever its line ends; and the diff shows no line
// but the seal's: each one that goes is replaced, as the report says.
func TestDiffApplies(t *testing.T) {
	for _, tool := range []string{"git", "patch"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("%s is missing; scripts/tools.sh installs it", tool)
			}
			t.Skipf("%s is missing", tool)
		}
	}
	for _, c := range viewCases(t) {
		for name, change := range map[string]func([]byte) []byte{
			"in.yaml": func(b []byte) []byte { return b },
			"cr lf.yaml": func(b []byte) []byte {
				return bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
			},
			"sub/no-end.yaml": func(b []byte) []byte { return bytes.TrimRight(b, "\r\n") },
		} {
			if strings.HasPrefix(c.name, "layout") && name != "in.yaml" {
				continue
			}
			checkDiff(t, c, name, change(c.source))
		}
	}
}

func checkDiff(t *testing.T, c viewCase, name string, source []byte) {
	t.Helper()
	edited, ok := newViewCase(t, c.name, source, c.podPath, func(f *manifest.File) ([]Edit, error) {
		var out []Edit
		for _, e := range c.edits {
			e.Pod = f.Pods[podIndex(c, e)]
			out = append(out, e)
		}
		return out, nil
	})
	if !ok {
		return
	}
	out, report, err := Splice(edited.file, edited.edits)
	if err != nil {
		t.Fatal(err)
	}
	diff := report.Diff(name, source)
	if len(diff) == 0 {
		if !bytes.Equal(out, source) {
			t.Errorf("%s, %s: the diff of a change is empty", c.name, name)
		}
		return
	}
	for _, argv := range [][]string{{"git", "apply", "-"}, {"patch", "-p1", "--binary", "--fuzz=0"}} {
		dir := t.TempDir()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, source, 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Dir, cmd.Stdin = dir, bytes.NewReader(diff)
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s, %s: %v: %v\n%s\n%s", c.name, name, argv, err, said, diff)
			continue
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, out) {
			t.Errorf("%s, %s: %v makes something else\n%s\n=====\n%s", c.name, name, argv, diff, got)
		}
	}
}

func podIndex(c viewCase, e Edit) int {
	for i, p := range c.file.Pods {
		if p == e.Pod {
			return i
		}
	}
	return -1
}

// A change in the middle of a file shows three lines around it, and nothing else.
func TestDiffText(t *testing.T) {
	source := []byte("a\nb\nc\nd\ne\nf\ng\nh\n")
	report := Report{patches: []yamledit.Patch{{Start: 7, End: 7, Text: "\nnew"}, {Start: 14, End: 15, Text: "H"}}}
	const want = "--- a/x\n+++ b/x\n@@ -2,7 +2,8 @@\n b\n c\n d\n+new\n e\n f\n g\n-h\n+H\n"
	if got := string(report.Diff("x", source)); got != want {
		t.Errorf("got\n%s", got)
	}
	neighbours := Report{patches: []yamledit.Patch{{Start: 2, End: 3, Text: "B"}, {Start: 4, End: 5, Text: "C"}, {Start: 6, End: 6, Text: "new\n"}}}
	const wantNeighbours = "--- a/x\n+++ b/x\n@@ -1,6 +1,7 @@\n a\n-b\n+B\n-c\n+C\n+new\n d\n e\n f\n"
	if got := string(neighbours.Diff("x", source)); got != wantNeighbours {
		t.Errorf("lines next to each other:\n%s", got)
	}
	if got := (Report{}).Diff("x", source); got != nil {
		t.Errorf("the diff of nothing is %q", got)
	}
}
