package seals_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/podseal/podseal/internal/config"
	"github.com/podseal/podseal/internal/seals"
)

// many is the number of targets of the benchmark.
const many = 1000

// BenchmarkCheck checks 1,000 targets of a podseal.yaml on one core, and compares the time with that of reading the same files.
func BenchmarkCheck(b *testing.B) {
	dir := b.TempDir()
	var list []byte
	list = append(list, "version: 1\ntargets:\n"...)
	for _, name := range []string{"web.yaml", "web.seal.yaml"} {
		data, err := os.ReadFile("testdata/bench/" + name)
		if err != nil {
			b.Fatal(err)
		}
		for i := range many {
			write(b, filepath.Join(dir, fmt.Sprintf("t%d-%s", i, name)), data)
		}
	}
	for i := range many {
		list = fmt.Appendf(list, "  - name: t%d\n    image: nginx:1.29\n    commands: [\"true\"]\n    outputs: {manifest: t%d-web.yaml, seal: t%d-web.seal.yaml}\n", i, i, i)
	}
	write(b, filepath.Join(dir, "podseal.yaml"), list)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	defer debug.SetGCPercent(debug.SetGCPercent(seals.GCPercent))
	var reading, checking time.Duration
	for b.Loop() {
		start := time.Now()
		readAll(b, dir)
		reading += time.Since(start)
		start = time.Now()
		if n := checkAll(b, dir); n != many {
			b.Fatalf("%d findings", n)
		}
		checking += time.Since(start)
	}
	b.ReportMetric(checking.Seconds()/float64(b.N), "s/1000-targets")
	b.ReportMetric(float64(checking)/float64(reading), "check/cat")
}

func write(b *testing.B, name string, data []byte) {
	b.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		b.Fatal(err)
	}
}

func readAll(b *testing.B, dir string) {
	b.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range files {
		if _, err := os.ReadFile(filepath.Join(dir, f.Name())); err != nil {
			b.Fatal(err)
		}
	}
}

// checkAll returns the number of findings: a difference of each target.
func checkAll(b *testing.B, dir string) int {
	b.Helper()
	name := filepath.Join(dir, "podseal.yaml")
	source, err := os.ReadFile(name)
	if err != nil {
		b.Fatal(err)
	}
	f, err := config.Parse(name, source)
	if err != nil {
		b.Fatal(err)
	}
	subjects, missing, err := seals.Configured(b.Context(), f, nil, nil)
	if err != nil || len(missing) > 0 {
		b.Fatal(err, missing)
	}
	_, found := seals.Check(subjects, seals.Options{Today: "2026-01-31"})
	return len(found)
}
