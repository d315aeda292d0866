package observer

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/podseal/podseal/internal/trace/wire"
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
		var r wire.Request
		if json.Unmarshal(line, &r) != nil {
			continue
		}
		switch r.Do {
		case wire.DoPhase:
			o.table.begin(r.Phase)
			o.table.reply(wire.Message{Kind: wire.KindReply, Reply: r.ID})
		case wire.DoTarget:
			o.begin(r)
		case wire.DoAdmit:
			o.admission.expect(r.PID, true, time.Now())
			o.table.reply(wire.Message{Kind: wire.KindReply, Reply: r.ID})
		case wire.DoKill:
			go o.kill(r)
		case wire.DoListening:
			go o.answer(r, listeningPorts)
		case wire.DoProcesses:
			go o.answer(r, processes)
		case wire.DoConnections:
			go o.answer(r, openConnections)
		case wire.DoUsage:
			go o.answer(r, func(at *container, m *wire.Message) error { return usage(at, r.Paths, m) })
		default:
			o.table.reply(wire.Message{Kind: wire.KindReply, Reply: r.ID, Note: "unknown request " + r.Do})
		}
	}
}

// begin begins to observe the process that a request names. Its sensor is served even where the process cannot be
// observed: its calls only continue then.
func (o *observer) begin(r wire.Request) {
	m := wire.Message{Kind: wire.KindReply, Reply: r.ID}
	switch err := o.watch(r.PID); {
	case errors.Is(err, errTargetEnded):
		m.Ended = true
		o.end()
	case err != nil:
		m.Note = err.Error()
		o.table.note(wire.KindOff, "not traced: "+m.Note)
	}
	o.admission.expect(r.PID, false, time.Now())
	o.table.reply(m)
}

// answer answers a request about the target.
func (o *observer) answer(r wire.Request, fill func(*container, *wire.Message) error) {
	m := wire.Message{Kind: wire.KindReply, Reply: r.ID}
	err := errNoTarget
	if at := o.target.Load(); at != nil {
		err = fill(at, &m)
	}
	switch {
	case errors.Is(err, errTargetEnded):
		m = wire.Message{Kind: wire.KindReply, Reply: r.ID, Ended: true}
	case err != nil:
		m = wire.Message{Kind: wire.KindReply, Reply: r.ID, Note: err.Error()}
	}
	o.table.reply(m)
}
