package observer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/trace/wire"
)

// A storm of events with ever new names, folders and processes stays small, and what is lost is counted.
func TestTableIsBounded(t *testing.T) {
	var out bytes.Buffer
	tb := newTable(&out)
	const n = 1_000_000
	for i := range n {
		c := &caller{pid: i, command: "storm"}
		w := observe.Write{Path: fmt.Sprintf("/tmp/d%d/f%d", i%5000, i), Call: "open", Outcome: observe.Allowed}
		tb.add(c, w)
	}
	tb.flush()
	if len(tb.keys) > wire.MaxKeys || len(tb.names) > wire.MaxKeys {
		t.Errorf("%d keys, %d names", len(tb.keys), len(tb.names))
	}
	total := 0
	counts := map[int]int{}
	for line := range bytes.Lines(out.Bytes()) {
		var m wire.Message
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatal(err)
		}
		if m.Write != nil {
			counts[m.Key] = m.Write.Count
		}
		for _, c := range m.Counts {
			counts[c[0]] += c[1]
		}
	}
	for _, c := range counts {
		total += c
	}
	if total+tb.lost != n || tb.lost == 0 {
		t.Errorf("%d counted and %d lost of %d", total, tb.lost, n)
	}
}

func TestTableFoldsNames(t *testing.T) {
	var out bytes.Buffer
	tb := newTable(&out)
	for i := range 1000 {
		tb.add(&caller{command: "a"}, observe.Write{Path: fmt.Sprintf("/tmp/x%d", i), To: fmt.Sprintf("/d/y%d", i), Call: "rename"})
	}
	tb.add(&caller{command: "b"}, observe.Write{Path: "/tmp/other", Call: "open"})
	if len(tb.keys) != maxNames+2 {
		t.Errorf("%d writes", len(tb.keys))
	}
	if !strings.Contains(out.String(), `"path":"/tmp/*"`) || !strings.Contains(out.String(), `"to":"/d/*"`) {
		t.Error("no folded write was told")
	}
}

// The host's disappearance does not stop the observer.
func TestTableSurvivesItsHost(t *testing.T) {
	tb := newTable(broken{})
	for range 3 {
		tb.add(&caller{}, observe.Write{Path: "/x"})
	}
	tb.flush()
	if len(tb.keys) != 1 {
		t.Errorf("%d kinds of writes are counted, want 1", len(tb.keys))
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, fmt.Errorf("closed") }
