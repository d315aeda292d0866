package sealing

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/podseal/podseal/internal/advise"
	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/target"
)

// The build context is the folder of the Dockerfile, or the one that is given, which must exist.
func TestContextOfBuilds(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	file := filepath.Join(dir, "Dockerfile")
	if err := os.WriteFile(file, []byte("FROM scratch\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string]string{"": dir, other: other, filepath.Join(dir, "none"): "", file: ""} {
		b, err := NewBuild(advise.DockerfileReport{File: file}, map[string]string{"A": "1"}, docker.Build{Dir: given})
		if want == "" {
			if err == nil || !strings.Contains(err.Error(), "no such folder") {
				t.Errorf("--context %s: %v", given, err)
			}
			continue
		}
		if err != nil || b.Dir != want || *b.Args["A"] != "1" || b.Name != file {
			t.Errorf("--context %s: %+v (%v)", given, b, err)
		}
	}
}

// Advice is for an image that declares root: with the user that its entrypoint drops to, under the command of the target.
func TestAdviceForImages(t *testing.T) {
	tree, err := image.ParseMemTree("-- /etc/passwd --\nroot:x:0:0:::\nsvc:x:7:8:::\n-- /etc/group --\nsvc:x:8:\n" +
		"-- /start.sh --\n#!/bin/sh\nexec gosu svc serve\n")
	if err != nil {
		t.Fatal(err)
	}
	gosu := []string{"gosu", "svc", "serve"}
	const drops, nothing = "the entrypoint drops to svc, uid 7", "no advice"
	tests := []struct {
		name   string
		config v1.Config
		target target.Target
		want   string // why the user was chosen; empty without a user
	}{
		{"its entrypoint drops", v1.Config{Entrypoint: gosu}, target.Target{}, drops},
		{"a script drops", v1.Config{Entrypoint: []string{"/start.sh"}}, target.Target{}, drops + " (/start.sh:2: exec gosu svc serve)"},
		{"it stays root", v1.Config{Entrypoint: []string{"serve"}}, target.Target{}, ""},
		{"it declares a user", v1.Config{Entrypoint: gosu, User: "7"}, target.Target{}, nothing},
		{"the target's command drops", v1.Config{Entrypoint: []string{"serve"}, Cmd: []string{"x"}}, target.Target{Entrypoint: gosu}, drops},
		{"the target's command replaces it", v1.Config{Entrypoint: []string{"tini", "--"}, Cmd: gosu}, target.Target{Entrypoint: []string{"tini", "--"}}, ""},
		{"the target's arguments drop", v1.Config{Entrypoint: []string{"tini", "--"}, Cmd: []string{"serve"}}, target.Target{Args: gosu}, drops},
	}
	for _, tt := range tests {
		facts := image.Facts{Config: &v1.ConfigFile{OS: "linux", Config: tt.config}}
		got, err := Advice(t.Context(), tt.target, facts, tree)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		why := nothing
		if got != nil {
			why = ""
			for _, u := range got.Users {
				why += u.Why
			}
		}
		if why != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, why, tt.want)
		}
	}
}
