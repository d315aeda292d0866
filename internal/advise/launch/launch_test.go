package launch_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/advise/launch"
	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/image"
	"github.com/rogpeppe/go-internal/txtar"
)

// Each archive holds a command line, the files of an image, and what the start leads to: the drops, and the programs with
// the setting that makes each another user.
func TestStart(t *testing.T) {
	golden.Run(t, "testdata/*.txtar", func(t *testing.T, a *txtar.Archive) []txtar.File {
		argv := strings.Split(strings.TrimSpace(golden.Section(a, "argv")), "\n")
		return golden.Want(listing(follow(t, golden.Tree(a), argv)))
	})
}

// follow follows a command line in an image of this tree.
func follow(t *testing.T, files string, argv []string) (launch.Start, []launch.Leaf) {
	t.Helper()
	tree, err := image.ParseMemTree(files)
	if err != nil {
		t.Fatal(err)
	}
	users, err := image.ReadUsers(context.Background(), tree)
	if err != nil {
		t.Fatal(err)
	}
	r := launch.Reader{Tree: tree, Users: users, Env: launch.Environ([]string{"PATH=/bin:/usr/bin", "RUN_AS=app"}), Dir: "/srv"}
	start, err := r.Follow(context.Background(), argv, launch.CommandAt("config", 0, strings.Join(argv, " ")))
	if err != nil {
		t.Fatal(err)
	}
	leaves, err := r.Leaves(context.Background(), start.Programs)
	if err != nil {
		t.Fatal(err)
	}
	return start, leaves
}

func listing(start launch.Start, leaves []launch.Leaf) string {
	var b strings.Builder
	for _, d := range start.Drops {
		fmt.Fprintf(&b, "drop to %s by %s, whole %v, guarded %v: %s\n", d.User, d.Tool, d.Whole, d.Guarded, d.Where)
	}
	for _, l := range leaves {
		fmt.Fprintf(&b, "program %q: %s\n", l.Program.Argv, l.Program.Where)
		if l.By != nil {
			fmt.Fprintf(&b, "  becomes %s by %s: %s\n", l.By.User, l.By.Tool, l.By.Where)
		}
	}
	return b.String()
}
