//go:build engine

package examine

import (
	"errors"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/docker/dockertest"
	"github.com/podseal/podseal/internal/doctor"
)

// TestEngine examines the engine at hand, on which all other tests seal: it works. Without a program nothing is tried. Both leave
// nothing in the engine.
func TestEngine(t *testing.T) {
	client, err := docker.New(t.Context(), docker.Options{})
	if err != nil {
		dockertest.Missing(t, "no Docker engine to test with: "+err.Error())
	}
	defer client.Close()
	program, err := dockertest.Compile(dockertest.Inside)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Engine(t.Context(), client, func(string) ([]byte, error) { return program, nil })
	if err != nil || e.Sealed != "" || e.Traced != "" || !e.Observed || e.Version == "" || e.Storage == "" {
		t.Errorf("%+v, %v", e, err)
	}
	if !doctor.ForEngine(e).Works() {
		t.Error("the report says that the engine does not work")
	}
	e, err = Engine(t.Context(), client, func(string) ([]byte, error) { return nil, errors.New("no program") })
	if err != nil || e.Helper == "" || e.Sealed == "" || e.Traced == "" {
		t.Errorf("without a program: %+v, %v", e, err)
	}
	left, err := client.GC(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range left.Kept {
		if strings.Contains(k.Object, client.RunID()) {
			t.Error(k)
		}
	}
}
