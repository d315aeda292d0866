package loader

import (
	"bytes"
	"debug/elf"
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/podseal/podseal/internal/docker/dockertest"
)

var update = flag.Bool("update", false, "write the assembled code")

// assembled returns the code of a source in asm.
func assembled(t *testing.T, arch string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "tool", "asm", "-S", "-p", "loader", "-o", filepath.Join(t.TempDir(), "o"), "asm/"+arch+".s")
	cmd.Env = append(os.Environ(), "GOARCH="+arch, "GOOS=linux")
	listing, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	for _, line := range regexp.MustCompile(`(?m)^\t0x[0-9a-f]{4} ((?:[0-9a-f]{2} )+)`).FindAllSubmatch(listing, -1) {
		data, err := hex.DecodeString(strings.ReplaceAll(string(line[1]), " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, data...)
	}
	return out
}

// TestCode: the embedded code is that of the sources.
func TestCode(t *testing.T) {
	for arch := range machines {
		want := assembled(t, arch)
		if *update {
			if err := os.WriteFile("code/"+arch+".bin", want, 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got, err := code.ReadFile("code/" + arch + ".bin"); err != nil || len(want) == 0 || !bytes.Equal(got, want) {
			t.Errorf("%s: the embedded code is not that of asm/%s.s: go test -update (%v)", arch, arch, err)
		}
	}
}

// TestProgram: the loader is a static executable, whose code stands at its entry.
func TestProgram(t *testing.T) {
	for arch, machine := range machines {
		b, err := Program(arch)
		if err != nil {
			t.Fatal(err)
		}
		f, err := elf.NewFile(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		text := make([]byte, 8)
		if _, err := f.Progs[0].ReadAt(text, int64(f.Entry-f.Progs[0].Vaddr)); err != nil { //nolint:gosec // small
			t.Fatal(err)
		}
		want, _ := code.ReadFile("code/" + arch + ".bin")
		if uint16(f.Machine) != machine || f.Type != elf.ET_EXEC || !bytes.HasPrefix(want, text) || int(f.Progs[0].Filesz) != len(b) {
			t.Errorf("%s: %+v, code %x", arch, f.FileHeader, text)
		}
	}
	if _, err := Program("mips"); err == nil {
		t.Error("no error for an architecture without a loader")
	}
}

func TestParts(t *testing.T) {
	program := bytes.Repeat([]byte("abc"), partSize)
	parts, err := Parts(program)
	if err != nil || len(parts) != 3 || parts[2].Name != "2" {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	if parts, err = Parts(program[:partSize+1]); err != nil || len(parts) != 2 || len(parts[1].Data) != 1 {
		t.Errorf("%d parts, %v", len(parts), err)
	}
	if _, err := Parts(make([]byte, MaxParts*partSize+1)); err == nil {
		t.Error("no error for a program that is too large")
	}
}

// TestRun: the loader becomes the program of the parts. Without parts, the loader exits.
func TestRun(t *testing.T) {
	root := t.TempDir()
	folder := filepath.Join(root, Folder)
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	put := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o755); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
	}
	program, err := Program(runtime.GOARCH)
	if err != nil {
		t.Skip(err)
	}
	put("podseal", program)
	run := func() (string, int) {
		cmd := exec.Cmd{Path: Folder + "/podseal", Args: []string{"name", "four", "x y"}, Env: []string{"A=B"}, Dir: "/"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
		if os.Getuid() != 0 {
			one := []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
			cmd.SysProcAttr.Cloneflags, cmd.SysProcAttr.UidMappings = syscall.CLONE_NEWUSER, one
		}
		out, err := cmd.Output()
		if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
			dockertest.Missing(t, "no program can be executed in another root: "+err.Error())
		}
		return strings.TrimSpace(string(out)), cmd.ProcessState.ExitCode()
	}
	if out, code := run(); out != "" || code != 125 {
		t.Errorf("without parts: exit code %d, %q", code, out)
	}
	binary := filepath.Join(t.TempDir(), "echo")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./testdata/echo")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	data, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := Parts(data)
	if err != nil || len(parts) < 2 {
		t.Fatalf("%d parts of %d bytes, %v", len(parts), len(data), err)
	}
	for _, p := range parts {
		put(p.Name, p.Data)
	}
	if out, code := run(); out != "name four x y A=B" || code != 4 {
		t.Errorf("exit code %d, %q", code, out)
	}
}
