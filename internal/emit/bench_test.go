package emit

import (
	"bytes"
	"fmt"
	"testing"
	"time"
)

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

// The time for a file grows with its size and not faster.
func TestSpliceIsLinear(t *testing.T) {
	if testing.Short() {
		t.Skip("the time of large files is not measured in short tests")
	}
	took := func(n int) time.Duration {
		source, best := stream(n), time.Hour
		for range 3 {
			start := time.Now()
			if _, _, err := spliceAll(source); err != nil {
				t.Fatal(err)
			}
			best = min(best, time.Since(start))
		}
		return best
	}
	if small, large := took(50), took(500); large > 40*small {
		t.Errorf("50 documents took %v, 500 took %v", small, large)
	}
}
