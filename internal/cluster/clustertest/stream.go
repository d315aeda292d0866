package clustertest

import (
	"io"
	"sync"
)

// stream is the body of an answer that is written bit by bit.
type stream struct {
	mu    sync.Mutex
	more  *sync.Cond
	text  []byte
	ended error
}

func newStream() *stream {
	s := &stream{}
	s.more = sync.NewCond(&s.mu)
	return s
}

// Read implements io.Reader. It waits for more.
func (s *stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.text) == 0 && s.ended == nil {
		s.more.Wait()
	}
	if len(s.text) == 0 {
		return 0, s.ended
	}
	n := copy(p, s.text)
	s.text = s.text[n:]
	return n, nil
}

// Close implements io.Closer.
func (s *stream) Close() error {
	s.finish()
	return nil
}

func (s *stream) write(text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = append(s.text, text...)
	s.more.Broadcast()
}

// finish ends the stream after what was written.
func (s *stream) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = io.EOF
	s.more.Broadcast()
}
