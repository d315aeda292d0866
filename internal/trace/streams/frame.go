// Package streams carries the inputs and outputs of several processes over one stream: those of the observers over the one
// of their container. To execute each in the container by the engine takes the engine ten times as long.
package streams

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
)

// kind is the kind of a frame.
type kind byte

const (
	start kind = 'S' // to the server: start a process with the arguments of the payload
	data  kind = 'D' // bytes of a process's stdin or stdout
	end   kind = 'E' // the end of a process's stdin or stdout
)

// A frame is its kind, the number of its process, the length of its payload, both big-endian, and the payload.
const (
	headerSize = 9
	maxPayload = 32 << 10
)

// sender writes frames. It is safe for concurrent use.
type sender struct {
	mu sync.Mutex
	to io.Writer
}

// send writes the payload in as many frames as it needs, at least one.
func (s *sender) send(k kind, process uint32, payload []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for first := true; first || len(payload) > 0; first = false {
		n := min(len(payload), maxPayload)
		frame := make([]byte, headerSize, headerSize+n)
		frame[0] = byte(k)
		binary.BigEndian.PutUint32(frame[1:], process)
		binary.BigEndian.PutUint32(frame[5:], uint32(n))
		if _, err := s.to.Write(append(frame, payload[:n]...)); err != nil {
			return err
		}
		payload = payload[n:]
	}
	return nil
}

// receive calls handle for each frame, whose payload is valid during the call. It returns nil at the end of the stream.
func receive(from io.Reader, handle func(k kind, process uint32, payload []byte)) error {
	from = bufio.NewReaderSize(from, maxPayload)
	var header [headerSize]byte
	buf := make([]byte, maxPayload)
	for {
		if _, err := io.ReadFull(from, header[:]); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading a frame: %w", err)
		}
		n := binary.BigEndian.Uint32(header[5:])
		if n > maxPayload {
			return fmt.Errorf("reading a frame: it has %d bytes", n)
		}
		if _, err := io.ReadFull(from, buf[:n]); err != nil {
			return fmt.Errorf("reading a frame of %d bytes: %w", n, err)
		}
		handle(kind(header[0]), binary.BigEndian.Uint32(header[1:]), buf[:n])
	}
}
