package podtrace

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/remotecommand"

	"github.com/podseal/podseal/internal/trace"
)

// TestSplit: as many Secrets as the program needs have its parts, and the first one the loader.
func TestSplit(t *testing.T) {
	t.Parallel()
	parts, err := Split("amd64", make([]byte, 2_500_000))
	if err != nil || len(parts) != 3 || len(parts[0]) != 2 || len(parts[0]["podseal"]) == 0 || len(parts[2]["2"]) != 500_000 {
		t.Errorf("%d parts, %v", len(parts), err)
	}
	for _, p := range parts {
		size := 0
		for name, data := range p {
			size += len(name) + len(data)
		}
		if size > corev1.MaxSecretSize {
			t.Errorf("a part of %d bytes", size)
		}
	}
	if _, err := Split("amd64", make([]byte, 70_000_000)); err == nil || !strings.Contains(err.Error(), "release build") {
		t.Errorf("a program that is too large: %v", err)
	}
}

// TestSense: the sensor precedes what would have run, and a kubelet expands what it would have expanded.
func TestSense(t *testing.T) {
	t.Parallel()
	of := v1.Config{Entrypoint: []string{"/entry", "$(A)"}, Cmd: []string{"cmd"}}
	for want, c := range map[string]corev1.Container{
		"/entry $$(A) cmd": {},
		"/entry $$(A) arg": {Args: []string{"arg"}},
		"/own $(B)":        {Command: []string{"/own", "$(B)"}},
		"/own x":           {Command: []string{"/own"}, Args: []string{"x"}},
	} {
		c.Name = "target"
		spec := corev1.PodSpec{Containers: []corev1.Container{c}}
		p := &Program{secrets: []string{"a", "b"}}
		p.Mount(&spec, "target")
		Sense(&spec, "target", of, trace.SensorOptions{Socket: "@x"})
		got := spec.Containers[0]
		if line := strings.Join(got.Command, " "); line != "/.podseal/podseal sensor --socket=@x -- "+want || got.Args != nil {
			t.Errorf("%q %q, want %q", line, got.Args, want)
		}
		if len(got.VolumeMounts) != 1 || len(spec.Volumes) != 1 || len(spec.Volumes[0].Projected.Sources) != 2 {
			t.Errorf("volumes: %+v, %+v", got.VolumeMounts, spec.Volumes)
		}
	}
}

// TestAttach: an observer that dies with its target is not lost; one that dies before it is.
func TestAttach(t *testing.T) {
	t.Parallel()
	for _, ended := range []bool{true, false} {
		exec := func(_ context.Context, argv []string, streams remotecommand.StreamOptions) error {
			if !slices.Contains(argv, "--socket=@x") {
				t.Errorf("executed %q", argv)
			}
			_, _ = io.WriteString(streams.Stdout, `{"k":"on"}`+"\n")
			request := make([]byte, 100)
			n, _ := streams.Stdin.Read(request)
			if !bytes.Contains(request[:n], []byte(`"kill"`)) {
				t.Errorf("request %s", request[:n])
			}
			return errors.New("exit code 137")
		}
		s := Attach(t.Context(), exec, trace.ObserverOptions{Socket: "@x"}, func(context.Context) bool { return ended })
		if err := s.Started(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Kill(t.Context()); err != nil {
			t.Errorf("Kill: %v", err)
		}
		<-s.Done()
		if got := s.Status(); !got.On || got.Broken == ended {
			t.Errorf("ended %t: %+v", ended, got)
		}
		if err := s.Phase(t.Context(), "e2e"); err == nil {
			t.Error("a request after the end succeeds")
		}
	}
}
