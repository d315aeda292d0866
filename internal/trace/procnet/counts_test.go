package procnet

import "testing"

func TestParseCounts(t *testing.T) {
	const v4 = "sockets: used 139\nTCP: inuse 3 orphan 0 tw 26 alloc 5 mem 0\nUDP: inuse 0 mem 0\n"
	const v6 = "TCP6: inuse 2\nUDP6: inuse 0\n"
	for _, c := range []struct {
		name, text string
		want       Counts
		ok         bool
	}{
		{"both", v4 + v6, Counts{TCP: 3, TCP6: 2, Waiting: 26}, true},
		{"no IPv6", v4, Counts{TCP: 3, Waiting: 26}, true},
		{"nothing", "", Counts{}, false},
		{"other kernel", "sockets: used 139\nUDP: inuse 0 mem 0\n" + v6, Counts{TCP6: 2}, false},
		{"no waiting", "TCP: inuse 3 orphan 0\n" + v6, Counts{TCP: 3, TCP6: 2}, false},
		{"cut off", "TCP: inuse 3 orphan 0 tw\n", Counts{TCP: 3}, false},
		{"cut off in IPv6", v4 + "TCP6: inuse", Counts{TCP: 3, Waiting: 26}, false},
		{"no number", "TCP: inuse x orphan 0 tw 1\n", Counts{Waiting: 1}, false},
	} {
		if got, ok := ParseCounts([]byte(c.text)); got != c.want || ok != c.ok {
			t.Errorf("%s: %+v, %t", c.name, got, ok)
		}
	}
}

func FuzzParseCounts(f *testing.F) {
	f.Add([]byte("TCP: inuse 3 orphan 0 tw 26 alloc 5 mem 0\nTCP6: inuse 2\n"))
	f.Fuzz(func(_ *testing.T, b []byte) { ParseCounts(b) })
}
