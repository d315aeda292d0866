package trace

import (
	"debug/elf"
	"fmt"
	"io"
	"os"
	"runtime"
)

// Binary returns the program that runs in a target of the given architecture ("amd64", "arm64"): the small one that the build
// has embedded, else the running executable if it fits. The error gives the reason why tracing is off.
func Binary(arch string) ([]byte, error) {
	machine, ok := machines[arch]
	if !ok {
		return nil, fmt.Errorf("tracing is off: there is no sensor for the architecture %q", arch)
	}
	return choose(arch, func() ([]byte, error) { return ownBinary(runtime.GOOS, machine) }, embedded)
}

// choose returns the embedded binary if the build has one, else the running executable.
func choose(arch string, own func() ([]byte, error), embedded func(arch string) ([]byte, error)) ([]byte, error) {
	if b, err := embedded(arch); err == nil {
		return b, nil
	}
	b, reason := own()
	if reason == nil {
		return b, nil
	}
	return nil, fmt.Errorf("tracing is off: no sensor for linux/%s: %w; use a release build, which carries one", arch, reason)
}

var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// ownBinary returns the running executable, if it is a static one for the machine. system is its GOOS.
func ownBinary(system string, machine elf.Machine) ([]byte, error) {
	if system != "linux" {
		return nil, fmt.Errorf("this podseal is built for %s", system)
	}
	name, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding podseal's own binary: %w", err)
	}
	// The link in /proc works where the file has been replaced since the start.
	f, err := os.Open("/proc/self/exe")
	if err != nil {
		if f, err = os.Open(name); err != nil {
			return nil, fmt.Errorf("opening podseal's own binary: %w", err)
		}
	}
	defer f.Close()
	if err := fits(f, machine); err != nil {
		return nil, fmt.Errorf("checking %s: %w", name, err)
	}
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	b := make([]byte, st.Size()) // in one piece: it is tens of megabytes
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return b, nil
}

// fits returns an error if an executable cannot run in a container of the machine that holds no other file.
func fits(r io.ReaderAt, machine elf.Machine) error {
	f, err := elf.NewFile(r)
	if err != nil {
		return fmt.Errorf("not an ELF file: %w", err)
	}
	if f.Machine != machine {
		return fmt.Errorf("built for %v, not for %v", f.Machine, machine)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("linked dynamically: build podseal with CGO_ENABLED=0")
		}
	}
	return nil
}
