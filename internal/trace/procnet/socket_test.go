package procnet

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

const sockets = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1 0 100 0 0 10 0
   1: 030012AC:1F90 010012AC:C350 01 00000000:00000000 00:00000000 00000000  1000        0 2 1 0 100 0 0 10 0
   2: 030012AC:A1B2 020012AC:1538 01 00000000:00000000 00:00000000 00000000   999        0 3 1 0 100 0 0 10 0
   3: 030012AC:A1B4 05FEA8C0:01BB 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0
   4: 0100007F:A1B6 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 4 1 0 100 0 0 10 0
   5: 0000000000000000FFFF0000030012AC:A1B8 0000000000000000FFFF0000020012AC:18EB 02 0:0 0:0 0  7 0 5
   6: B80D0120000000000000000003000000:A1BA B80D0120000000000000000002000000:0050 01 0:0 0:0 0  8 0 6
   7: 030012AC:A1BC 030012AC:1F91 01 00000000:00000000 00:00000000 00000000  1000        0 4 1 0 100 0 0 10 0
   8: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 7 2 0
   x: zz:1 00000000:0000 01 1 1 1 1
`

// TestOutgoing: of all sockets, those that the container has opened to others.
func TestOutgoing(t *testing.T) {
	var got []string
	for _, s := range Outgoing(ParseSockets([]byte(sockets))) {
		got = append(got, fmt.Sprintf("%s %d uid %d", s.Remote, s.State, s.UID))
	}
	want := "172.18.0.2:5432 1 uid 999, 192.168.254.5:443 6 uid 0, 172.18.0.2:6379 2 uid 7, [2001:db8::2]:80 1 uid 8"
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}

func FuzzParseSockets(f *testing.F) {
	f.Add([]byte(sockets))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, s := range Outgoing(ParseSockets(b)) {
			if !Outside(s.Remote) || s.Remote.Addr().Is4In6() || s.Remote.Addr().Zone() != "" {
				t.Errorf("%+v", s)
			}
		}
	})
}

func TestParseAddress(t *testing.T) {
	v6 := make([]byte, 28)
	copy(v6, "\x0a\x00\x01\xbb\x00\x00\x00\x00\x20\x01\x0d\xb8")
	v6[23] = 2
	mapped := append([]byte("\x0a\x00\x15\x38\x00\x00\x00\x00"), "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xac\x12\x00\x02"...)
	for _, c := range []struct{ name, raw, want string }{
		{"IPv4", "\x02\x00\x15\x38\xac\x12\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00", "172.18.0.2:5432"},
		{"IPv6", string(v6), "[2001:db8::2]:443"},
		{"IPv4 in IPv6", string(mapped), "172.18.0.2:5432"},
		{"cut off", "\x02\x00\x15\x38\xac\x12\x00\x02", "invalid AddrPort"},
		{"unix", "\x01\x00/run/socket/in/a/folder", "invalid AddrPort"},
		{"disconnect", strings.Repeat("\x00", 16), "invalid AddrPort"},
		{"empty", "", "invalid AddrPort"},
	} {
		at, ok := ParseAddress([]byte(c.raw))
		if at.String() != c.want || ok != (at != netip.AddrPort{}) {
			t.Errorf("%s: %s, %t", c.name, at, ok)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	f.Add([]byte("\x02\x00\x15\x38\xac\x12\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("\x0a\x00\x15\x38\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xac\x12\x00\x02"))
	f.Fuzz(func(t *testing.T, b []byte) {
		at, ok := ParseAddress(b)
		if ok != at.Addr().IsValid() {
			t.Errorf("%s, %t", at, ok)
		}
		if again, err := netip.ParseAddrPort(at.String()); ok && (err != nil || again != at) {
			t.Errorf("%s is read as %s, %v", at, again, err)
		}
	})
}
