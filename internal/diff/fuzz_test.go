package diff_test

import (
	"context"
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/observe/observetest"
	"github.com/podseal/podseal/internal/profile"
)

const fuzzTree = `
d 1777 0:0 /tmp
d 0755 0:0 /run
d 0755 0:0 /var/lib/app/cache
f 0644 0:0 /etc/app/conf.d/default.conf
f 0755 0:0 /app/server
d 0755 0:0 /app/data
l /var/run -> /run
l /loop -> /loop
l /app/out -> ../nowhere/at/all
`

// FuzzFold makes an observation of any text and checks what must hold of every folding: it does not fail but for a loop
// of links, everything that counts lands in exactly one place, and no folder is where no mount can be.
func FuzzFold(f *testing.F) {
	f.Add("A /run/x start\nC /run start\nopen /tmp/y e2e", "/data /var/run/db")
	f.Add("rename /app/data/ -> /app/old e2e\nmkdir /app/data/ e2e\nopen /app/data/x e2e unknown", "")
	f.Add("chmod /var/lib/app/ start\nD /etc/app/conf.d/default.conf start\nA /x start\nopen /loop/x start", "/ /proc/x")
	f.Add("open /dev/null start\nlink /app/server -> /app/data/s start denied EROFS\nmkdir /app/cache/ start", "/app /app/data")
	m, err := image.ParseMemTree(fuzzTree)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, run, volumes string) {
		o, err := observetest.Parse(run)
		if err != nil {
			t.Skip()
		}
		for _, p := range paths(o) {
			if path.Clean(p) != p || !path.IsAbs(p) {
				t.Skip() // engine and tracer give clean absolute paths
			}
		}
		evidence := diff.Collect(o)
		folding, err := diff.Fold(context.Background(), evidence, m, strings.Fields(volumes))
		if err != nil {
			if !strings.Contains(err.Error(), image.ErrLoop.Error()) {
				t.Fatal(err)
			}
			return
		}
		checkFolding(t, evidence, folding)
	})
}

func paths(o observe.Observation) []string {
	var out []string
	for _, c := range o.Changes {
		out = append(out, c.Path)
	}
	for _, w := range o.Writes {
		out = append(out, w.Path)
		if w.To != "" {
			out = append(out, w.To)
		}
	}
	return out
}

func checkFolding(t *testing.T, evidence diff.List, f diff.Folding) {
	t.Helper()
	found := map[string]int{}
	key := func(e diff.Evidence) string { return fmt.Sprint(e.Outcome, e.Path) }
	for _, list := range [][]diff.Evidence{f.Root, f.Noise} {
		for _, e := range list {
			found[key(e)]++
		}
	}
	for _, d := range f.Folders {
		for _, e := range d.Evidence {
			found[key(e)]++
		}
	}
	for _, e := range evidence {
		if n := found[key(e)]; n != 1 && e.Outcome != observe.Unknown {
			t.Errorf("%s is in %d places", e.Path, n)
		}
	}
	for i, d := range f.Folders {
		if d.Path == "/" || d.Path != path.Clean(d.Path) {
			t.Errorf("folder %q", d.Path)
		}
		for _, k := range []string{"/proc", "/sys", "/dev"} {
			if profile.Within(d.Path, k) && !d.Volume {
				t.Errorf("folder %s is below %s", d.Path, k)
			}
		}
		for j, above := range f.Folders {
			if i != j && above.Content == diff.Filled && !d.Volume && profile.Within(d.Path, above.Path) {
				t.Errorf("folder %s is inside the filled folder %s", d.Path, above.Path)
			}
			if i != j && d.Path == above.Path {
				t.Errorf("folder %s is a duplicate", d.Path)
			}
		}
	}
}
