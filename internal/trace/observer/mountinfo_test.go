package observer

import "testing"

const mountinfo = `1 0 0:1 / / ro,relatime - overlay overlay rw,lowerdir=/x
2 1 0:2 / /data rw,nosuid - tmpfs tmpfs rw
3 1 8:1 /f /etc/hosts ro - ext4 /dev/sda rw
4 1 0:3 / /with\040space rw - tmpfs tmpfs ro,size=1k
5 2 0:4 / /data/deep ro shared:1 master:2 - tmpfs tmpfs rw
a broken line
`

func TestReadOnlyAt(t *testing.T) {
	m := parseMounts([]byte(mountinfo))
	for p, want := range map[string]bool{
		"/": true, "/x": true, "/data": false, "/data/x": false, "/database": true, "/etc/hosts": true,
		"/with space/x": true, "/data/deep/x": true, "/data/deeper": false,
	} {
		if got := readOnlyAt(m, p); got != want {
			t.Errorf("%s: %v", p, got)
		}
	}
}

func FuzzParseMounts(f *testing.F) {
	f.Add([]byte(mountinfo))
	f.Fuzz(func(_ *testing.T, b []byte) { readOnlyAt(parseMounts(b), "/x") })
}
