package trace

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestFits(t *testing.T) {
	dir := t.TempDir()
	src := filepath.Join(dir, "main.go")
	if err := os.WriteFile(src, []byte("package main\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "static")
	cmd := exec.Command("go", "build", "-o", bin, src)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	f, err := os.Open(bin)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
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
