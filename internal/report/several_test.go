package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/target"
)

func TestSeveral(t *testing.T) {
	in := func(name string, v seal.Verdict) Report {
		return New(seal.Result{Verdict: v, Target: target.Target{Name: name, Image: "img", Pod: &target.Pod{Original: "Deployment web"}}})
	}
	for _, c := range []struct {
		verdicts []seal.Verdict
		want     int
	}{
		{[]seal.Verdict{seal.Sealed, seal.Sealed}, 0},
		{[]seal.Verdict{seal.Sealed, seal.NotSealable}, 4},
		{[]seal.Verdict{seal.SealedWithExceptions, seal.NotTestable}, 3},
		{[]seal.Verdict{seal.NotTestable, seal.NotSealable}, 3},
	} {
		var list []Report
		for _, v := range c.verdicts {
			list = append(list, in("x", v))
		}
		if got := NewSeveral(list).ExitCode; got != c.want {
			t.Errorf("%v: exit code %d, want %d", c.verdicts, got, c.want)
		}
	}
	both := NewSeveral([]Report{in("app", seal.Sealed), in("proxy", seal.NotSealable)})
	var b bytes.Buffer
	if err := both.JSON(&b); err != nil {
		t.Fatal(err)
	}
	var back Several
	if err := json.Unmarshal(b.Bytes(), &back); err != nil || back.Schema != SeveralSchema || len(back.Reports) != 2 {
		t.Errorf("JSON of two: %v\n%s", err, b.String())
	}
	if r := back.Reports[1].Target; r.Object != "Deployment web" || r.Container != "proxy" {
		t.Errorf("the second is %s of %s", r.Container, r.Object)
	}
	var one, alone bytes.Buffer
	single := NewSeveral([]Report{in("app", seal.Sealed)})
	if err := single.JSON(&one); err != nil {
		t.Fatal(err)
	}
	if err := single.Reports[0].JSON(&alone); err != nil {
		t.Fatal(err)
	}
	if one.String() != alone.String() {
		t.Error("one report is not itself")
	}
	for name, write := range map[string]func(*bytes.Buffer) error{
		"text":     func(b *bytes.Buffer) error { return both.Text(b, TextOptions{}) },
		"markdown": func(b *bytes.Buffer) error { return both.Markdown(b) },
	} {
		b.Reset()
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"container app of Deployment web: img", "container proxy of Deployment web: img"} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s lacks %q:\n%s", name, want, b.String())
			}
		}
	}
}
