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
func TestEngine(t *testing.T) {
	golden.Run(t, "testdata/engine/*.txtar", func(t *testing.T, a *txtar.Archive) []txtar.File {
		var e doctor.Engine
		in := json.NewDecoder(bytes.NewReader(a.Files[0].Data))
		in.DisallowUnknownFields()
		if err := in.Decode(&e); err != nil {
			t.Fatal(err)
		}
		r := doctor.ForEngine(e)
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
	for _, e := range []doctor.Engine{{}, {Sealed: "x", Traced: "x", Helper: "x", Free: -1, Storage: "vfs", Remap: true}} {
		ids := map[string]bool{}
		for _, c := range doctor.ForEngine(e).Capabilities {
			if c.ID == "" || c.Name == "" || c.Has == "" || c.Consequence == "" || ids[c.ID] {
				t.Errorf("incomplete or duplicate: %+v", c)
			}
			ids[c.ID] = true
		}
	}
}
