package sealing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/engine/enginetest"
	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// builder is a Builder that has built already, or fails.
type builder struct{ fault error }

func (builder) RunID() string { return "run" }

func (b builder) Build(context.Context, docker.Build) (string, error) { return "app", b.fault }

// prove proves the image of a case, and returns the proof or the error as text.
func prove(t *testing.T, e *enginetest.Engine, b builder) string {
	t.Helper()
	var out strings.Builder
	say := func(line string) {
		if strings.Contains(line, "learning as root") {
			out.WriteString("step: " + line + "\n")
		}
	}
	tgt := target.Target{Ready: target.Ready{Timeout: time.Minute}, Commands: []target.Command{target.Shell("e2e", true)}}
	synctest.Test(t, func(t *testing.T) {
		p, err := Prove(t.Context(), e, b, docker.Build{Keep: "kept"}, tgt, say)
		if err != nil {
			fmt.Fprintf(&out, "error: %v\n", err)
			return
		}
		out.WriteString(p.Text())
		if p.Image != "" {
			fmt.Fprintf(&out, "image: %s\n", p.Image)
		}
		if p.Result != nil {
			fmt.Fprintf(&out, "result: %s: %s\n", p.Result.Verdict, p.Result.Why)
		}
	})
	if e.Alive() != 0 {
		t.Errorf("%d containers or trees are left", e.Alive())
	}
	return out.String()
}

// TestProve proves the images of testdata/proofs/*.txtar, which enginetest describes. "want" is the proof.
func TestProve(t *testing.T) {
	golden.Run(t, "testdata/proofs/*.txtar", func(t *testing.T, a *txtar.Archive) []txtar.File {
		e, _, err := enginetest.Parse(a)
		if err != nil {
			t.Fatal(err)
		}
		return []txtar.File{{Name: "want", Data: []byte(prove(t, e, builder{}))}}
	})
}

// A build that fails for a reason in its Dockerfile is a proof; any other fault is an error.
func TestProveReportsFaults(t *testing.T) {
	gone := errors.New("the engine is gone")
	broken := func(open bool) func(profile.Profile) error {
		return func(p profile.Profile) error {
			if p.Open == open {
				return gone
			}
			return nil
		}
	}
	tests := []struct {
		name   string
		build  error
		engine func(profile.Profile) error
		want   string
	}{
		{"the build", &docker.BuildError{Text: "no such stage", Lines: []string{"Step 1"}}, nil, "Not proved: the build fails: no such stage.\n  | Step 1\n"},
		{"the builder", gone, nil, "error: the engine is gone\n"},
		{"the open run", nil, broken(true), "error: open run: the engine is gone\n"},
		{"a sealed run", nil, broken(false), "error: sealed run 1: the engine is gone\n"},
	}
	archive, err := txtar.ParseFile("testdata/proofs/as-it-is.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		e, _, err := enginetest.Parse(archive)
		if err != nil {
			t.Fatal(err)
		}
		e.Broken = tt.engine
		if got := prove(t, e, builder{tt.build}); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
