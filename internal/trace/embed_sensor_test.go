//go:build embed_sensor

package trace

import (
	"bytes"
	"debug/elf"
	"testing"
)

// TestEmbedded runs in the build that a test of the release makes.
func TestEmbedded(t *testing.T) {
	for arch, machine := range machines {
		b, err := embedded(arch)
		if err != nil {
			t.Fatal(err)
		}
		if err := fits(bytes.NewReader(b), machine); err != nil {
			t.Errorf("%s: %v", arch, err)
		}
	}
	if _, err := embedded("mips"); err == nil {
		t.Error("no error for an architecture that is not embedded")
	}
	// The running test binary is not for the other machine, so that the embedded one is taken.
	for arch, machine := range machines {
		b, err := Binary(arch)
		if err != nil {
			t.Fatal(err)
		}
		f, err := elf.NewFile(bytes.NewReader(b))
		if err != nil || f.Machine != machine {
			t.Errorf("Binary(%s) is none for it: %v", arch, err)
		}
	}
}
