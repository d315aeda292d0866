package procnet

import (
	"slices"
	"testing"
)

const procNetTCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0B00007F:A1B2 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0 100 0 0 10 0
   2: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3 1 0 100 0 0 10 0
   3: 0100007F:1F91 0100007F:0050 01 00000000:00000000 00:00000000 00000000     0        0 4 1 0 100 0 0 10 0
   4: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 5
`

func TestParseListening(t *testing.T) {
	if got := ParseListening([]byte(procNetTCP)); !slices.Equal(got, []int{80, 8080}) {
		t.Errorf("ports %v", got)
	}
}

func FuzzParseListening(f *testing.F) {
	f.Add([]byte(procNetTCP))
	f.Add([]byte("0: :0 x 0A"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, p := range ParseListening(b) {
			if p < 1 || p > 65535 {
				t.Errorf("port %d", p)
			}
		}
	})
}
