package trace

import (
	"bufio"
	"encoding/json"
	"errors"
	"slices"
)

// read receives messages until the stream ends. A line that the end has cut off is no message.
func (s *Session) read() {
	defer close(s.done)
	lines := bufio.NewReaderSize(s.rw, maxLine)
	for {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			s.overlong()
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = lines.ReadSlice('\n')
			}
			line = nil
		}
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(line, &m) == nil {
			s.take(m)
		}
	}
}

// overlong counts a message that is too long to be received.
func (s *Session) overlong() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.missed++
}

// take puts one message in its place. Keys come in order from 1; anything else is a broken stream and is passed over.
func (s *Session) take(m message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch m.Kind {
	case kindOn:
		s.on = true
		s.start()
	case kindOff:
		s.note(m.Note)
		s.start()
	case kindNote:
		s.note(m.Note)
	case kindEnd:
		s.ended = true
	case kindWrite:
		s.write(m)
	case kindIdentity:
		if m.Identity != nil && len(s.identities) < maxIdentities {
			s.identities = append(s.identities, *m.Identity)
		}
	case kindBind:
		if m.Bind != nil && len(s.binds) < maxBinds {
			s.binds = append(s.binds, *m.Bind)
		}
	case kindCounts:
		s.count(m)
	case kindReply:
		if answer, ok := s.waiting[m.Reply]; ok {
			answer <- m
			delete(s.waiting, m.Reply)
		}
	}
}

func (s *Session) count(m message) {
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
func (s *Session) write(m message) {
	switch {
	case m.Write == nil:
	case s.full:
		s.missed++
	case m.Key != len(s.writes)+1:
	case len(s.writes) >= maxKeys || s.bytes+keySize(m.Write.Path, m.Write.To) > maxBytes:
		s.full = true
		s.missed++
	default:
		s.bytes += keySize(m.Write.Path, m.Write.To)
		s.writes = append(s.writes, *m.Write)
	}
}

// start is called with mu held.
func (s *Session) start() {
	select {
	case <-s.started:
	default:
		close(s.started)
	}
}

func (s *Session) note(n string) {
	n = shorten(n)
	switch {
	case n == "" || slices.Contains(s.notes, n):
	case len(s.notes) >= maxShown:
		s.unshown++
	default:
		s.notes = append(s.notes, n)
	}
}
