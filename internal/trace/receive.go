package trace

import (
	"bufio"
	"encoding/json"
	"slices"
)

func (s *Session) read() {
	defer close(s.done)
	lines := bufio.NewReaderSize(s.rw, 1<<16)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return // the end; a line that was cut off by it is no message
		}
		var m message
		if json.Unmarshal(line, &m) == nil {
			s.take(m)
		}
	}
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
		if m.Write != nil && m.Key == len(s.writes)+1 {
			s.writes = append(s.writes, *m.Write)
		}
	case kindBind:
		if m.Bind != nil {
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
		if key := c[0]; key >= 1 && key <= len(s.writes) {
			s.writes[key-1].Count += c[1]
		}
	}
	s.lost, s.noise = max(s.lost, m.Lost), max(s.noise, m.Noise)
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
	if n != "" && !slices.Contains(s.notes, n) && len(s.notes) < 20 {
		s.notes = append(s.notes, n)
	}
}
