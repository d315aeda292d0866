package cluster

import (
	"fmt"
	"slices"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/image"
)

// TestDifferences compares an image with a container: "image" is a tree as image.ParseMemTree reads it, "stat", "mounts"
// and "status" what the commands in the container print.
func TestDifferences(t *testing.T) {
	golden.Run(t, "testdata/differences/*.txtar", func(t *testing.T, a *txtar.Archive) []txtar.File {
		tree, err := image.ParseMemTree(golden.Section(a, "image"))
		if err != nil {
			t.Fatal(err)
		}
		base, _, err := tree.List(t.Context(), "/", 1000)
		if err != nil {
			t.Fatal(err)
		}
		var out string
		for _, c := range differences(base, parseFiles(golden.Section(a, "stat")), parseMounts(golden.Section(a, "mounts")), parseReader(golden.Section(a, "status"))) {
			out += fmt.Sprintf("%s %s", c.Kind, c.Path)
			if c.Dir {
				out += " dir"
			}
			out += "\n"
		}
		return golden.Want(out)
	})
}

func TestParseProcesses(t *testing.T) {
	t.Parallel()
	const text = "Name:\tapp\nPid:\t1\nPPid:\t0\nUid:\t0\t1000\t1000\t1000\nGid:\t0\t2000\t2000\t2000\n" +
		"Name:\tworker\nPid:\t7\nPPid:\t1\nUid:\t33\t33\t33\t33\nGid:\t34\t34\t34\t34\n" +
		"Name:\tsh\nPid:\t20\nPPid:\t0\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n" +
		"Name:\tcat\nPid:\t21\nPPid:\t20\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n"
	var got []string
	for _, p := range parseProcesses(text) {
		got = append(got, fmt.Sprintf("%d %s %d %d %v", p.PID, p.Command, p.UID, p.GID, p.Main))
	}
	if want := []string{"1 app 1000 2000 true", "7 worker 33 34 false"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := parseProcesses("Name:\nPid:\tx\nUid:\n::\n"); len(got) != 0 {
		t.Errorf("%v of nonsense", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("81a4 0 0 12 1700000000 /etc/a b\n", "overlay / overlay rw 0 0\ntmpfs /dev\\040x tmpfs rw 0 0\n")
	f.Fuzz(func(t *testing.T, stat, mounts string) {
		for at, e := range parseFiles(stat) {
			if at != e.Path || at[0] != '/' {
				t.Errorf("%q: %+v", at, e)
			}
		}
		parseMounts(mounts)
		parseProcesses(stat)
		differences(nil, parseFiles(stat), parseMounts(mounts), parseReader(stat))
	})
}
