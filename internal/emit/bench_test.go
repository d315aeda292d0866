package emit

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/podseal/podseal/internal/profile"
)

// spliceFile names, for a process of this test binary, the file that it is to splice instead of testing.
const spliceFile = "PODSEAL_TEST_SPLICE_FILE"

func TestMain(m *testing.M) {
	if name := os.Getenv(spliceFile); name != "" {
		os.Exit(spliceProcess(name))
	}
	os.Exit(m.Run())
}

// spliceProcess does what podseal does between the last run and its end: it reads, splices and writes.
func spliceProcess(name string) int {
	source, err := os.ReadFile(name)
	if err == nil {
		if source, _, err = spliceWith(source, usualProfile()); err == nil {
			_, err = os.Stdout.Write(source)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// usualProfile is that of the nginx of the examples.
func usualProfile() profile.Profile {
	return profile.Profile{
		User: profile.User{UID: 101, GID: 101}, LowPorts: true,
		Mounts: []profile.Mount{{Path: "/run", Kind: profile.Plain}, {Path: "/var/cache/nginx", Kind: profile.Plain}},
	}
}

// BenchmarkSpliceAgainstCat compares whole processes, in one run: one that reads, splices and writes a file, and cat of the
// same file. times-cat does not depend on the machine, but on what else it does; cpu-ms does not depend on that.
func BenchmarkSpliceAgainstCat(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			name := filepath.Join(b.TempDir(), "in.yaml")
			if err := os.WriteFile(name, stream(n), 0o600); err != nil {
				b.Fatal(err)
			}
			cat, splice, cpu := time.Hour, time.Hour, time.Hour
			for range b.N {
				took, _ := process(b, nil, "cat", name)
				cat = min(cat, took)
				took, used := process(b, []string{spliceFile + "=" + name}, os.Args[0])
				splice, cpu = min(splice, took), min(cpu, used)
			}
			b.ReportMetric(float64(cat.Microseconds())/1000, "cat-ms")
			b.ReportMetric(float64(splice.Microseconds())/1000, "splice-ms")
			b.ReportMetric(float64(cpu.Microseconds())/1000, "cpu-ms")
			b.ReportMetric(float64(splice)/float64(cat), "times-cat")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// process runs a command to its end, and returns its time and what it used of the processors.
func process(b *testing.B, env []string, argv ...string) (took, used time.Duration) {
	b.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env, cmd.Stderr = append(os.Environ(), env...), os.Stderr
	start := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatal(err)
	}
	return time.Since(start), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// stream is a file of n Deployments, as a chart renders them.
func stream(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, `---
# Deployment %[1]d
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-%[1]d
  labels:
    app.kubernetes.io/name: app-%[1]d
spec:
  replicas: 1

  selector:
    matchLabels:
      app.kubernetes.io/name: app-%[1]d
  template:
    metadata:
      labels:
        app.kubernetes.io/name: app-%[1]d
    spec:
      containers:
        - name: app   # the application
          image: "registry.example/app:%[1]d"
          ports:
            - name: http
              containerPort: 8080
          resources: {limits: {memory: 128Mi}}
`, i)
	}
	return b.Bytes()
}

func BenchmarkSplice(b *testing.B) {
	for _, n := range []int{1, 100, 1000, 10000} {
		source := stream(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(int64(len(source)))
			for b.Loop() {
				if _, _, err := spliceAll(source); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The memory that a splice allocates grows with the size of the file and not faster. Bytes are counted, which no other work on the machine
// changes; the time is a benchmark's.
func TestSpliceIsLinear(t *testing.T) {
	allocated := func(n int) uint64 {
		source := stream(n)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, _, err := spliceAll(source); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	allocated(1) // what is made once
	// Twenty times as many documents; quadratic work would take 400 times as much.
	if small, large := allocated(50), allocated(1000); large > 30*small {
		t.Errorf("50 documents took %d bytes, 1000 took %d", small, large)
	}
}
