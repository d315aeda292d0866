package kube

import (
	"bytes"
	"sync"
)

// Tail keeps the last bytes that were written to it. Several goroutines may use it.
type Tail struct {
	max int
	mu  sync.Mutex
	buf bytes.Buffer
}

// NewTail returns a Tail that keeps this many bytes.
func NewTail(bytes int) *Tail { return &Tail{max: bytes} }

// Write implements io.Writer. It never fails.
func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(p)
	if over := t.buf.Len() - t.max; over > 0 {
		t.buf.Next(over)
	}
	return len(p), nil
}

// String returns what was kept.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}
