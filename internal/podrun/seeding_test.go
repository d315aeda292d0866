//go:build engine

package podrun

import (
	"errors"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// TestSeedFromImageVolume fills a mount of an image without a shell from another image, which sees the first one's
// files as a volume, with their owners and modes.
func TestSeedFromImageVolume(t *testing.T) {
	t.Parallel()
	b := newPlainBench(t)
	tools := b.busybox()
	facts := b.app(nil,
		file{Name: "srv/", Mode: 0o755}, file{Name: "srv/data/", Mode: 0o750, UID: 1000, GID: 2000},
		file{Name: "srv/data/conf", Mode: 0o640, UID: 1000, GID: 2000, Data: []byte("shipped")},
		file{Name: "srv/data/link", Link: "conf"}, file{Name: "srv/data/sub/", Mode: 0o755}, file{Name: "srv/data/sub/run", Mode: 0o755, Data: []byte("x")},
		file{Name: "secret/", Mode: 0o700}, file{Name: "secret/in/", Mode: 0o755}, file{Name: "secret/in/f", Mode: 0o644})
	p := sealed(profile.Mount{Path: "/srv/data", Kind: profile.Seeded}, profile.Mount{Path: "/own", Kind: profile.Owned})
	p.Seeding = profile.Seeding{Image: tools.Ref, ImageVolume: true}
	for range 2 { // the second container gets the same image volume
		expect(t, b.output(facts, p, "stat:/own", "write:/own/x=1", "stat:/srv/data", "list:/srv/data", "read:/srv/data/link", "append:/srv/data/conf=+",
			"read:/srv/data/link", "stat:/srv/data/conf", "stat:/srv/data/sub/run"), `
stat:/own: 755 1000:2000
write:/own/x=1: ok
stat:/srv/data: 750 1000:2000
list:/srv/data: conf link sub
read:/srv/data/link: shipped
append:/srv/data/conf=+: ok
read:/srv/data/link: shipped+
stat:/srv/data/conf: 640 1000:2000
stat:/srv/data/sub/run: 755 1000:2000`)
	}
	// A parent directory that the user may not enter keeps it out, as in a cluster.
	hidden := sealed(profile.Mount{Path: "/secret/in", Kind: profile.Seeded})
	hidden.Seeding = p.Seeding
	_, err := b.Start(t.Context(), target.Target{}, facts, hidden)
	var seed *engine.SeedError
	if !errors.As(err, &seed) || !strings.Contains(seed.Output, "Permission denied") {
		t.Errorf("Start = %v", err)
	}
	// Without the image volume nothing is there to copy.
	p.Seeding.ImageVolume = false
	if _, err := b.Start(t.Context(), target.Target{}, facts, p); !errors.As(err, &seed) || !strings.Contains(seed.Output, "No such file") {
		t.Errorf("Start = %v", err)
	}
}

// TestCopyOfReadOnlyFile measures that the copy of a file that is 0444 cannot be written by its owner, unless the seed
// makes it writable.
func TestCopyOfReadOnlyFile(t *testing.T) {
	t.Parallel()
	b := newPlainBench(t)
	facts := b.busybox(file{Name: "srv/", Mode: 0o755}, file{Name: "srv/conf", Mode: 0o444, Data: []byte("a")}, file{Name: "srv/sub/", Mode: 0o555})
	m := profile.Mount{Path: "/srv", Kind: profile.Seeded}
	steps := []string{"append:/srv/conf=b", "write:/srv/sub/x=1"}
	expect(t, b.output(facts, sealed(m), steps...), `
append:/srv/conf=b: error open /srv/conf: permission denied
write:/srv/sub/x=1: error open /srv/sub/x: permission denied`)
	m.Rewritable = true
	expect(t, b.output(facts, sealed(m), steps...), "append:/srv/conf=b: ok\nwrite:/srv/sub/x=1: ok")
}

func TestRestartWithAFreshMount(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	facts := b.busybox(file{Name: "srv/", Mode: 0o755}, file{Name: "srv/conf", Mode: 0o644, Data: []byte("a")})
	p := sealed(profile.Mount{Path: "/gone", Kind: profile.Plain}, profile.Mount{Path: "/kept", Kind: profile.Plain},
		profile.Mount{Path: "/srv", Kind: profile.Seeded})
	c := b.start(facts, p, "append:/gone/f=x", "append:/kept/f=y", "append:/srv/conf=b", "read:/gone/f", "read:/kept/f", "read:/srv/conf", "stat:/srv", "wait")
	waitLine(t, c, "read:/srv/conf: ab", 1)
	waitLine(t, c, "waiting", 1)
	if err := c.Restart(t.Context(), "/gone", "/srv"); err != nil {
		t.Fatal(err)
	}
	waitLine(t, c, "waiting", 2)
	waitLine(t, c, "read:/gone/f: x", 2)
	waitLine(t, c, "read:/kept/f: yy", 1)
	waitLine(t, c, "read:/srv/conf: ab", 2)
	waitLine(t, c, "stat:/srv: 755 1000:2000", 2)
}
