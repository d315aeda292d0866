//go:build linux && engine

package trace

import (
	"bytes"
	"debug/elf"
	"debug/macho"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestRelease builds podseal for another system with what runs in containers of both architectures, by the flags of a
// release.
func TestRelease(t *testing.T) {
	if testing.Short() {
		t.Skip("building is left out by -short")
	}
	program := filepath.Join(t.TempDir(), "podseal")
	if out, err := exec.Command("../../scripts/build.sh", program, "darwin/arm64", "amd64", "arm64").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	mac, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	f, err := macho.NewFile(bytes.NewReader(mac))
	if err != nil || f.Cpu != macho.CpuArm64 {
		t.Fatalf("no program for macOS on arm64: %v", err)
	}
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		name := filepath.Join(t.TempDir(), arch)
		cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", name, "../../cmd/podseal-inside")
		cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		inside, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := fits(bytes.NewReader(inside), machine); err != nil {
			t.Errorf("linux/%s: %v", arch, err)
		}
		if !bytes.Contains(mac, inside) {
			t.Errorf("the program for macOS does not carry what runs in containers of linux/%s", arch)
		}
	}
}
