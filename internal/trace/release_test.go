//go:build linux

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

// A release for another system is built, and carries what runs in containers. The platforms that are built here are
// those that have nothing in common with the machines of most developers.
func TestRelease(t *testing.T) {
	if testing.Short() {
		t.Skip("building is left out by -short")
	}
	dist := t.TempDir()
	cmd := exec.Command("../../scripts/release.sh", "linux/arm64", "darwin/arm64")
	cmd.Env = append(os.Environ(), "DIST="+dist, "VERSION=v0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	mac, err := os.ReadFile(filepath.Join(dist, "podseal-darwin-arm64"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := macho.NewFile(bytes.NewReader(mac))
	if err != nil || f.Cpu != macho.CpuArm64 {
		t.Fatalf("no program for macOS on arm64: %v", err)
	}
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		linux, err := os.ReadFile(filepath.Join(dist, "podseal-linux-"+arch))
		if err != nil {
			t.Fatal(err)
		}
		if err := fits(bytes.NewReader(linux), machine); err != nil {
			t.Errorf("linux/%s: %v", arch, err)
		}
		pack := exec.Command("gzip", "-n", "-9")
		pack.Stdin = bytes.NewReader(linux)
		packed, err := pack.Output()
		if err != nil || !bytes.Contains(mac, packed) {
			t.Errorf("the program for macOS does not carry the one for linux/%s: %v", arch, err)
		}
	}
	if sums, err := os.ReadFile(filepath.Join(dist, "SHA256SUMS")); err != nil || bytes.Count(sums, []byte("\n")) != 3 {
		t.Errorf("checksums: %q, %v", sums, err)
	}
}
