package observer

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/trace/wire"
)

// TestConnections: each connection is reported once, and once more with its outcome.
func TestConnections(t *testing.T) {
	x := newConnections()
	now := time.Now()
	try := observe.Connection{Protocol: tcp, Address: "10.0.0.2", Port: 80, Phase: observe.Start, Outcome: observe.Unknown, PID: 1}
	if isNew, _ := x.add(try, now); !isNew || x.repeated(try) || !x.waits(tcp) || x.waits(udp) {
		t.Error("the first attempt is no attempt that waits")
	}
	try.PID = 2
	if isNew, _ := x.add(try, now); isNew {
		t.Error("another process's attempt is a new one")
	}
	if got := x.confirm(tcp, map[netip.AddrPort]bool{netip.MustParseAddrPort("10.0.0.3:80"): true}); len(got) != 0 {
		t.Errorf("confirmed by another address: %+v", got)
	}
	got := x.confirm(tcp, map[netip.AddrPort]bool{netip.MustParseAddrPort("10.0.0.2:80"): true})
	if len(got) != 1 || got[0].Outcome != observe.Allowed || !x.repeated(try) || x.waits(tcp) {
		t.Errorf("confirmed: %+v", got)
	}
	late := try
	late.Port = 81
	x.add(late, now.Add(-time.Hour))
	if x.waits(tcp) {
		t.Error("an attempt is waited for without end")
	}
	sent := observe.Connection{Protocol: udp, Address: "10.0.0.2", Port: 80, Phase: observe.Start, Outcome: observe.Unknown}
	x.add(sent, now)
	sent.Outcome = observe.Allowed
	if isNew, _ := x.add(sent, now); !isNew {
		t.Error("a datagram that is sent after an attempt adds nothing")
	}
}

// TestConnectionsAreBounded: a scan of many addresses is bounded, and said once.
func TestConnectionsAreBounded(t *testing.T) {
	x := newConnections()
	said := 0
	for i := range 3 * wire.MaxConnections {
		_, overflow := x.add(observe.Connection{Protocol: tcp, Address: fmt.Sprintf("10.0.%d.%d", i/250, i%250), Port: 80, Outcome: observe.Unknown}, time.Now())
		if overflow {
			said++
		}
		x.serve(fmt.Sprint(i))
	}
	if len(x.known) != wire.MaxConnections || len(x.waiting) != wire.MaxConnections || len(x.servers) != wire.MaxBinds || said != 1 {
		t.Errorf("%d known, %d waiting, %d servers, said %d times", len(x.known), len(x.waiting), len(x.servers), said)
	}
}
