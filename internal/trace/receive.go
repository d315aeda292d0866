package trace

import (
	"bufio"
	"encoding/json"
	"errors"
	"slices"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/trace/wire"
)

// read receives messages until the stream ends. A line that the end has cut off is no message.
func (s *Session) read() {
	defer close(s.done)
	lines := bufio.NewReaderSize(s.rw, wire.MaxLine)
	for {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			s.mu.Lock()
			s.missed++ // a message that is too long to be received
			s.mu.Unlock()
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = lines.ReadSlice('\n')
			}
			line = nil
		}
		if err != nil {
			return
		}
		var m wire.Message
		if json.Unmarshal(line, &m) == nil {
			s.take(m)
		}
	}
}

// take records one message. Keys arrive in order from 1; a message with any other key is ignored.
func (s *Session) take(m wire.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch m.Kind {
	case wire.KindOn:
		s.on = true
		s.start()
	case wire.KindOff:
		s.note(m.Note)
		s.start()
	case wire.KindNote:
		s.note(m.Note)
	case wire.KindEnd:
		s.ended = true
	case wire.KindWrite:
		s.write(m)
	case wire.KindIdentity:
		if m.Identity != nil && len(s.identities) < wire.MaxIdentities {
			s.identities = append(s.identities, *m.Identity)
		}
	case wire.KindBind:
		if m.Bind != nil && len(s.binds) < wire.MaxBinds {
			s.binds = append(s.binds, *m.Bind)
		}
	case wire.KindConnect:
		if m.Connection != nil && len(s.connections) < wire.MaxConnections {
			s.connections = observe.AddConnection(s.connections, *m.Connection)
		}
	case wire.KindCounts:
		s.count(m)
	case wire.KindReply:
		if answer, ok := s.waiting[m.Reply]; ok {
			answer <- m
			delete(s.waiting, m.Reply)
		}
	}
}

func (s *Session) count(m wire.Message) {
	for _, c := range m.Counts {
		switch key := c[0]; {
		case key >= 1 && key <= len(s.writes):
			s.writes[key-1].Count += c[1]
		case s.full:
			s.missed += c[1]
		}
	}
	s.lost, s.noise, s.dropped = max(s.lost, m.Lost), max(s.noise, m.Noise), max(s.dropped, m.Dropped)
}

// write keeps a new write, while there is memory for it.
func (s *Session) write(m wire.Message) {
	switch {
	case m.Write == nil:
	case s.full:
		s.missed++
	case m.Key != len(s.writes)+1:
	case len(s.writes) >= wire.MaxKeys || s.bytes+wire.KeySize(m.Write.Path, m.Write.To) > wire.MaxBytes:
		s.full = true
		s.missed++
	default:
		s.bytes += wire.KeySize(m.Write.Path, m.Write.To)
		s.writes = append(s.writes, *m.Write)
	}
}

// start closes started, once. mu is held.
func (s *Session) start() {
	select {
	case <-s.started:
	default:
		close(s.started)
	}
}

func (s *Session) note(n string) {
	n = wire.Shorten(n)
	switch {
	case n == "" || slices.Contains(s.notes, n):
	case len(s.notes) >= maxShown:
		s.unshown++
	default:
		s.notes = append(s.notes, n)
	}
}
