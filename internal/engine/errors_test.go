package engine_test

import (
	"errors"
	"testing"

	"github.com/podseal/podseal/internal/engine"
)

func TestErrors(t *testing.T) {
	cause := errors.New("EOF")
	fault := func(k engine.FaultKind) error {
		return &engine.Fault{Kind: k, Call: "starting", Object: "container x", Engine: "tcp://h:1", Err: cause}
	}
	for want, err := range map[string]error{
		"seeding /etc/app: the init container failed: cp: no":       &engine.SeedError{Path: "/etc/app", Output: "cp: no", Code: 1},
		"seeding /etc/app: the init container failed: cp: a; cp: b": &engine.SeedError{Path: "/etc/app", Output: "cp: a\ncp: b", Code: 1},
		"sidecar web exited 3":       &engine.PodError{What: "sidecar web exited 3"},
		"sidecar web exited 3: last": &engine.PodError{What: "sidecar web exited 3", Output: "first\n last \n\n"},
		"starting container x: the engine at tcp://h:1 is gone: nothing answers there any more":                  fault(engine.Gone),
		"starting container x: the engine at tcp://h:1 does not answer in time":                                  fault(engine.Frozen),
		"starting container x: the container has ended during the run: something else has stopped or removed it": fault(engine.ObserverLost),
		"starting container x: EOF": fault("other"),
	} {
		if got := err.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if !errors.Is(fault(engine.Gone), cause) {
		t.Error("a fault does not wrap the error of the client")
	}
}
