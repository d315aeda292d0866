package trace

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestFits(t *testing.T) {
	dir := t.TempDir()
	f := bytes.NewReader(staticProgram(t, dir, "arm64"))
	if err := fits(f, elf.EM_AARCH64); err != nil {
		t.Error(err)
	}
	if err := fits(f, elf.EM_X86_64); err == nil || !strings.Contains(err.Error(), "not for") {
		t.Errorf("error: %v", err)
	}
	if err := fits(strings.NewReader("#!/bin/sh\n"), elf.EM_X86_64); err == nil {
		t.Error("no error for a script")
	}
}

func TestBinaryOfUnknownArchitecture(t *testing.T) {
	if _, err := Binary("mips"); err == nil || !strings.Contains(err.Error(), "tracing is off") {
		t.Errorf("error: %v", err)
	}
}

func TestChoiceOfTheBinary(t *testing.T) {
	none := func(string) ([]byte, error) { return nil, errors.New("this build embeds no sensor") }
	packed := func(arch string) ([]byte, error) { return []byte("embedded for " + arch), nil }
	for _, c := range []struct {
		name     string
		own      func() ([]byte, error)
		embedded func(string) ([]byte, error)
		want     string
	}{
		{"a build with make", func() ([]byte, error) { return []byte("own"), nil }, packed, "embedded for amd64"},
		{"go install on Linux", func() ([]byte, error) { return []byte("own"), nil }, none, "own"},
		{"on macOS", func() ([]byte, error) { return ownBinary("darwin", elf.EM_X86_64) }, packed, "embedded for amd64"},
		{"go install on macOS", func() ([]byte, error) { return ownBinary("darwin", elf.EM_X86_64) }, none, "built for darwin"},
		{"another machine's", func() ([]byte, error) { return ownBinary("linux", elf.EM_MIPS) }, packed, "embedded for amd64"},
	} {
		got, err := choose("amd64", c.own, c.embedded)
		if err != nil {
			got = []byte(err.Error())
		}
		if !strings.Contains(string(got), c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// The embedded files are what the other systems' builds run in containers.
func TestEmbeddedInARelease(t *testing.T) {
	if testing.Short() {
		t.Skip("building is left out by -short")
	}
	dir := t.TempDir()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	replace := map[string]string{}
	for arch := range machines {
		program := filepath.Join(dir, "linux-"+arch)
		if err := os.WriteFile(program, staticProgram(t, dir, arch), 0o600); err != nil {
			t.Fatal(err)
		}
		replace[filepath.Join(here, "sensors", "podseal-linux-"+arch)] = program
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "test", "-tags", "embed_sensor", "-overlay", file, "-run", "^TestEmbedded$", "-v", ".").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestEmbedded") {
		t.Errorf("%v: %s", err, out)
	}
}

// staticProgram builds a program that does nothing.
func staticProgram(t *testing.T, dir, arch string) []byte {
	t.Helper()
	src, bin := filepath.Join(dir, "main.go"), filepath.Join(dir, "static-"+arch)
	if err := os.WriteFile(src, []byte("package main\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-o", bin, src)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	data, err := os.ReadFile(bin)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
