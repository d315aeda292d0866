package examine

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/podseal/podseal/internal/docker"
)

// machine returns the free bytes of the engine's disk and the platforms that its kernel emulates. free is negative, and known
// false, where the engine is on another machine.
func machine(d docker.Description) (free int64, emulated []string, known bool) {
	var fs unix.Statfs_t
	if !strings.HasPrefix(d.Address, "unix://") || unix.Statfs(d.Root, &fs) != nil {
		return -1, nil, false
	}
	return int64(fs.Bavail) * fs.Bsize, emulators(), true //nolint:gosec // no disk is that large
}

// interpreters are the names of qemu's interpreters in binfmt_misc, and their platforms.
var interpreters = map[string]string{
	"qemu-aarch64": "linux/arm64", "qemu-x86_64": "linux/amd64", "qemu-arm": "linux/arm", "qemu-ppc64le": "linux/ppc64le",
	"qemu-s390x": "linux/s390x", "qemu-riscv64": "linux/riscv64",
}

// emulators returns the platforms that this kernel runs by an interpreter.
func emulators() []string {
	entries, _ := filepath.Glob("/proc/sys/fs/binfmt_misc/qemu-*") // the pattern is well formed
	var out []string
	for _, e := range entries {
		text, err := os.ReadFile(e)
		if platform := interpreters[filepath.Base(e)]; platform != "" && err == nil && strings.HasPrefix(string(text), "enabled") {
			out = append(out, platform)
		}
	}
	return out
}
