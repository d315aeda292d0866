package image

import (
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func TestBaseOf(t *testing.T) {
	known := []Stack{
		{Ref: "none", Layers: nil},
		{Ref: "debian", Layers: []string{"a"}},
		{Ref: "python", Layers: []string{"a", "b"}},
		{Ref: "python:3", Layers: []string{"a", "b"}},
		{Ref: "other", Layers: []string{"a", "x"}},
		{Ref: "upper", Layers: []string{"b"}},
		{Ref: "itself", Layers: []string{"a", "b", "c"}},
		{Ref: "sibling", Layers: []string{"a", "b"}, Passed: []string{"port 80/tcp", "variable PATH"}},
		{Ref: "longer", Layers: []string{"a", "b", "c", "d"}},
	}
	for layers, want := range map[string]string{
		"a b c": "python python:3", "a b": "debian", "a x y": "other", "a": "", "b": "", "z y": "", "": "", "b a": "upper",
	} {
		var got []string
		for _, s := range BaseOf(strings.Fields(layers), []string{"variable PATH"}, known) {
			got = append(got, s.Ref)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("base of %q: %q, want %q", layers, got, want)
		}
	}
}

func TestPassed(t *testing.T) {
	c := v1.Config{
		ExposedPorts: map[string]struct{}{"80/tcp": {}}, Volumes: map[string]struct{}{"/data": {}}, Labels: map[string]string{"a": "b"},
		Env: []string{"PATH=/bin", "X"}, Cmd: []string{"app"}, User: "5", WorkingDir: "/srv",
	}
	if got := strings.Join(Passed(c), ", "); got != "label a, port 80/tcp, variable PATH, variable X, volume /data" {
		t.Errorf("got %s", got)
	}
}
