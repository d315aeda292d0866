package doctor_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/doctor"
	"github.com/podseal/podseal/internal/golden"
)

// TestEngine: the facts of an engine, and the report on them.
func TestEngine(t *testing.T) { test(t, "testdata/engine/*.txtar", doctor.ForEngine) }

// TestCluster: the facts of a cluster, and the report on them.
func TestCluster(t *testing.T) { test(t, "testdata/cluster/*.txtar", doctor.ForCluster) }

func test[F any](t *testing.T, pattern string, report func(F) doctor.Report) {
	golden.Run(t, pattern, func(t *testing.T, a *txtar.Archive) []txtar.File {
		var facts F
		in := json.NewDecoder(bytes.NewReader(a.Files[0].Data))
		in.DisallowUnknownFields()
		if err := in.Decode(&facts); err != nil {
			t.Fatal(err)
		}
		r := report(facts)
		var text bytes.Buffer
		if err := doctor.WriteText(&text, r); err != nil {
			t.Fatal(err)
		}
		works := "works\n"
		if !r.Works() {
			works = "does not work\n"
		}
		return []txtar.File{{Name: "want", Data: text.Bytes()}, {Name: "want verdict", Data: []byte(works)}}
	})
}

// TestEveryAnswerIsComplete: each capability says what follows, and a missing one that has an easy answer what to do; ids are
// unique.
func TestEveryAnswerIsComplete(t *testing.T) {
	for _, r := range []doctor.Report{
		doctor.ForEngine(doctor.Engine{}), doctor.ForCluster(doctor.Cluster{}), doctor.ForCluster(doctor.Cluster{Tried: "x", NodesDenied: "x"}),
		doctor.ForEngine(doctor.Engine{Sealed: "x", Traced: "x", Helper: "x", Free: -1, Storage: "vfs", Remap: true}),
	} {
		ids := map[string]bool{}
		for _, c := range r.Capabilities {
			if c.ID == "" || c.Name == "" || c.Has == "" || c.Consequence == "" || ids[c.ID] {
				t.Errorf("incomplete or duplicate: %+v", c)
			}
			ids[c.ID] = true
		}
	}
}
