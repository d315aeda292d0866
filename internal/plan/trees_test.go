package plan_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/image"
)

var errBroken = errors.New("the tree is broken")

// brokenTree fails once, after a number of calls.
type brokenTree struct {
	image.Tree
	calls int // before it fails
}

func (b *brokenTree) broken() error {
	if b.calls--; b.calls == -1 {
		return errBroken
	}
	return nil
}

func (b *brokenTree) Lookup(ctx context.Context, at string) (image.Entry, bool, error) {
	if err := b.broken(); err != nil {
		return image.Entry{}, false, err
	}
	return b.Tree.Lookup(ctx, at)
}

func (b *brokenTree) List(ctx context.Context, at string, limit int) ([]image.Entry, bool, error) {
	if err := b.broken(); err != nil {
		return nil, false, err
	}
	return b.Tree.List(ctx, at, limit)
}

// TestBrokenTree lets each call of the image's tree fail in turn, in each case of the proposals: the planner returns
// the error, since a plan from half an image may hide content.
func TestBrokenTree(t *testing.T) {
	files, err := filepath.Glob("testdata/repairs/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		whole := input(t, a)
		for calls := 0; ; calls++ {
			in, tree := whole, &brokenTree{whole.Tree, calls}
			in.Tree = tree
			_, _, err := proposals(t, a, in)
			if tree.calls >= 0 {
				break
			}
			if !errors.Is(err, errBroken) {
				t.Errorf("%s: call %d fails: %v", file, calls+1, err)
			}
		}
	}
}
