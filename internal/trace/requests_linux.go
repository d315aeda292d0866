package trace

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"time"
)

// requests answers the host. The end of its input is no reason to end where there is a target: its calls still need
// answers.
func (o *observer) requests(in io.Reader) {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			if o.target.Load() == nil {
				o.end()
			}
			return
		}
		var r request
		if json.Unmarshal(line, &r) != nil {
			continue
		}
		switch r.Do {
		case doPhase:
			o.table.begin(r.Phase)
			o.table.reply(message{Kind: kindReply, Reply: r.ID})
		case doTarget:
			o.begin(r)
		case doAdmit:
			o.admission.expect(r.PID, true, time.Now())
			o.table.reply(message{Kind: kindReply, Reply: r.ID})
		case doListening:
			go o.answer(r, listeningPorts)
		case doProcesses:
			go o.answer(r, processes)
		case doUsage:
			go o.answer(r, func(at *container, m *message) error { return usage(at, r.Paths, m) })
		default:
			o.table.reply(message{Kind: kindReply, Reply: r.ID, Note: "unknown request " + r.Do})
		}
	}
}

// begin begins to observe the process that a request names. Its sensor is served even where the process cannot be
// observed: its calls only continue then.
func (o *observer) begin(r request) {
	m := message{Kind: kindReply, Reply: r.ID}
	switch err := o.watch(r.PID); {
	case errors.Is(err, errTargetEnded):
		m.Ended = true
		o.end()
	case err != nil:
		m.Note = err.Error()
		o.table.note(kindOff, "not traced: "+m.Note)
	}
	o.admission.expect(r.PID, false, time.Now())
	o.table.reply(m)
}

// answer answers a request about the target.
func (o *observer) answer(r request, fill func(*container, *message) error) {
	m := message{Kind: kindReply, Reply: r.ID}
	err := errNoTarget
	if at := o.target.Load(); at != nil {
		err = fill(at, &m)
	}
	switch {
	case errors.Is(err, errTargetEnded):
		m = message{Kind: kindReply, Reply: r.ID, Ended: true}
	case err != nil:
		m = message{Kind: kindReply, Reply: r.ID, Note: err.Error()}
	}
	o.table.reply(m)
}
