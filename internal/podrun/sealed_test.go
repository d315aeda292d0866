//go:build engine

package podrun

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/docker/dockertest"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/tracehost"
)

func withVolume(at string) func(*v1.Config) {
	return func(c *v1.Config) { c.Volumes = map[string]struct{}{at: {}} }
}

// groupFiles are those of an image whose /etc/group has a member list, which a numeric user does not get from Docker.
func groupFiles() []file {
	return []file{
		{Name: "etc/", Mode: 0o755},
		{Name: "etc/passwd", Mode: 0o644, Data: []byte("root:x:0:0::/root:\napp:x:1000:2000::/home/app:\n")},
		{Name: "etc/group", Mode: 0o644, Data: []byte("app:x:2000:\nextra:x:3000:app\n")},
	}
}

func TestWhoTheApplicationIs(t *testing.T) {
	t.Parallel()
	b := newPlainBench(t)
	facts := b.app(func(c *v1.Config) { c.User = "app" }, groupFiles()...)
	open := b.output(facts, profile.Unrestricted(), "id", "write:/new=x")
	if !strings.HasPrefix(open, "id: 1000:2000 groups=2000 3000 caps= ") && !strings.HasPrefix(open, "id: 1000:2000 groups=3000 caps= ") {
		t.Errorf("open run: %s", open)
	}
	p := sealed()
	expect(t, b.output(facts, p, "id", "write:/new=x", "stat:/dev/shm", "write:/dev/shm/x=y"), `
id: 1000:2000 groups=2000 caps= nnp=1 seccomp=2
write:/new=x: error open /new: read-only file system
stat:/dev/shm: 1777 0:0
write:/dev/shm/x=y: ok`)
	p.User.Groups = []int64{3000, 4000}
	p.AllowPrivilegeEscalation = true
	p = p.WithEnv("HOME", "/data")
	expect(t, b.output(facts, p, "id", "env:HOME"), `
id: 1000:2000 groups=2000 3000 4000 caps= nnp=0 seccomp=2
env:HOME: /data`)
	root := profile.Profile{User: profile.User{}, WritableRoot: true, AddCapabilities: []string{"CHOWN"}}
	expect(t, b.output(facts, root, "id", "write:/new=x"), `
id: 0:0 groups=0 caps=1 nnp=1 seccomp=2
write:/new=x: ok`)
}

func TestMountsAreEmptyDirs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	facts := b.app(withVolume("/volume"), file{Name: "volume/", Mode: 0o700, UID: 7, GID: 7},
		file{Name: "volume/shipped", Mode: 0o600}, file{Name: "full/", Mode: 0o755},
		file{Name: "full/shipped", Mode: 0o644}, file{Name: "real/", Mode: 0o755}, file{Name: "linked", Link: "real"})
	p := sealed(
		profile.Mount{Path: "/full", Kind: profile.Plain},
		profile.Mount{Path: "/linked", Kind: profile.Plain},
		profile.Mount{Path: "/not/there", Kind: profile.Plain, Medium: profile.Memory},
		profile.Mount{Path: "/volume", Kind: profile.Plain, Volume: true},
	)
	for _, helper := range []bool{true, false} {
		if !helper {
			b = newPlainBench(t)
		}
		expect(t, b.output(facts, p, "stat:/full", "list:/full", "write:/full/x=1", "stat:/real", "write:/linked/x=1", "list:/real",
			"stat:/not/there", "write:/not/there/x=1", "write:/not/x=1", "stat:/volume", "list:/volume", "write:/volume/x=1"), `
stat:/full: 777 0:0
list:/full: 
write:/full/x=1: ok
stat:/real: 777 0:0
write:/linked/x=1: ok
list:/real: x
stat:/not/there: 1777 0:0
write:/not/there/x=1: ok
write:/not/x=1: error open /not/x: read-only file system
stat:/volume: 777 0:0
list:/volume: 
write:/volume/x=1: ok`)
	}
}

func TestUncoveredVolumeIsRefused(t *testing.T) {
	t.Parallel()
	b := newPlainBench(t)
	facts := b.app(withVolume("/volume/"))
	_, err := b.Start(t.Context(), target.Target{}, facts, sealed())
	if err == nil || !strings.Contains(err.Error(), "VOLUME /volume/") {
		t.Errorf("Start = %v", err)
	}
}

func TestLowPorts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	facts := b.app(func(c *v1.Config) { c.ExposedPorts = map[string]struct{}{"80/tcp": {}, "8080/tcp": {}, "53/udp": {}} })
	p := sealed()
	c := b.start(facts, p, "listen:80", "listen:8080", "wait")
	logs := waitLine(t, c, "waiting", 1)
	if !strings.Contains(logs, "listen:80: error listen tcp :80: bind: permission denied\nlisten:8080: ok") {
		t.Errorf("without the sysctl: %s", logs)
	}
	p.LowPorts = true
	c = b.start(facts, p, "listen:80", "wait")
	if logs := waitLine(t, c, "waiting", 1); !strings.Contains(logs, "listen:80: ok") {
		t.Errorf("with the sysctl: %s", logs)
	}
	if len(c.Ports()) != 2 {
		t.Errorf("ports: %v", c.Ports())
	}
	if udp := c.UDPPorts(); len(udp) != 1 || udp[53] == 0 {
		t.Errorf("UDP ports: %v", udp)
	}
	hello(t, c, 80)
	ports, err := c.Listening(t.Context())
	if err != nil || len(ports) != 1 || ports[0] != 80 {
		t.Errorf("Listening = %v, %v", ports, err)
	}
}

// hello waits until the application answers on the published port. The engine accepts connections before the application listens.
func hello(t *testing.T, c engine.Container, port int) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		says, err := greeting(net.JoinHostPort(c.Host(), strconv.Itoa(c.Ports()[port])))
		if err == nil && says == "hello" {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the application says %q, %v", says, err)
		}
	}
}

// greeting returns the first bytes that an application sends.
func greeting(address string) (string, error) {
	conn, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	buf := make([]byte, 5)
	n, err := conn.Read(buf)
	return string(buf[:n]), err
}

func TestRestartKeepsMounts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	facts := b.app(nil)
	p := sealed(profile.Mount{Path: "/disk", Kind: profile.Plain}, profile.Mount{Path: "/mem", Kind: profile.Plain, Medium: profile.Memory})
	c, err := b.Start(t.Context(), target.Target{
		Args: []string{"append:/disk/f=x", "append:/mem/f=y", "read:/disk/f", "read:/mem/f", "listen:7000", "wait"}, Ports: []int{7000},
	}, facts, p)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Remove(t.Context()) }()
	waitLine(t, c, "read:/disk/f: x", 1)
	waitLine(t, c, "waiting", 1)
	if err := c.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitLine(t, c, "read:/disk/f: xx", 1)
	waitLine(t, c, "read:/mem/f: yy", 1)
	waitLine(t, c, "waiting", 2)
	hello(t, c, 7000)
	use, err := c.Usage(t.Context())
	if err != nil || len(use) != 2 || use[0].Path != "/disk" || use[0].Bytes < 2 || use[0].Files != 1 {
		t.Errorf("Usage = %v, %v", use, err)
	}
	exit, err := c.Stop(t.Context())
	if err != nil || exit.Code != 0 {
		t.Errorf("Stop = %+v, %v", exit, err)
	}
	waitLine(t, c, "wait: stopping", 1)
}

// busybox is an image with a shell and the application.
func (b bench) busybox(more ...file) image.Facts {
	b.t.Helper()
	const at = "/bin/busybox"
	data, err := os.ReadFile(at)
	if err != nil {
		dockertest.Missing(b.t, "no static busybox at "+at+" (Debian package busybox-static)")
	}
	program, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		b.t.Fatal(err)
	}
	for _, p := range program.Progs {
		if p.Type == elf.PT_INTERP {
			dockertest.Missing(b.t, at+" is not static (Debian package busybox-static)")
		}
	}
	files := []file{{Name: "bin/", Mode: 0o755}, {Name: "bin/busybox", Mode: 0o755, Data: data}}
	for _, applet := range []string{"sh", "chmod", "cp", "mkdir", "mv", "rm", "ls"} {
		files = append(files, file{Name: "bin/" + applet, Link: "busybox"})
	}
	return b.app(nil, append(files, more...)...)
}

func TestSeededAndOwned(t *testing.T) {
	t.Parallel()
	b := newPlainBench(t)
	facts := b.busybox(file{Name: "etc/", Mode: 0o755}, file{Name: "etc/it's/", Mode: 0o755},
		file{Name: "etc/it's/conf", Mode: 0o644, Data: []byte("shipped")}, file{Name: "data/", Mode: 0o700})
	p := sealed(profile.Mount{Path: "/etc/it's", Kind: profile.Seeded}, profile.Mount{Path: "/data", Kind: profile.Owned})
	steps := []string{"stat:/data", "list:/data", "write:/data/x=1", "stat:/etc/it's", "read:/etc/it's/conf", "append:/etc/it's/conf=+", "wait"}
	c := b.start(facts, p, steps...)
	waitLine(t, c, "waiting", 1)
	if err := c.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitLine(t, c, "waiting", 2)
	if _, err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	logs, err := c.Logs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	expect(t, logs, `
stat:/data: 755 1000:2000
list:/data: 
write:/data/x=1: ok
stat:/etc/it's: 755 1000:2000
read:/etc/it's/conf: shipped
append:/etc/it's/conf=+: ok
waiting
stat:/data: 755 1000:2000
list:/data: x
write:/data/x=1: ok
stat:/etc/it's: 755 1000:2000
read:/etc/it's/conf: shipped+
append:/etc/it's/conf=+: ok
waiting
wait: stopping`)
}

func TestFailingSeed(t *testing.T) {
	t.Parallel()
	b := newPlainBench(t)
	facts := b.busybox(file{Name: "secret/", Mode: 0o755}, file{Name: "secret/key", Mode: 0o600, Data: []byte("k")})
	for _, tt := range []struct {
		facts image.Facts
		says  string
	}{
		{facts, "Permission denied"},
		{b.app(nil), "executable file not found"}, // no shell at all
	} {
		_, err := b.Start(t.Context(), target.Target{}, tt.facts, sealed(profile.Mount{Path: "/secret", Kind: profile.Seeded}))
		var seed *engine.SeedError
		if !errors.As(err, &seed) || seed.Path != "/secret" || seed.Code == 0 || !strings.Contains(seed.Output, tt.says) {
			t.Errorf("Start = %v", err)
		}
	}
	if left := b.objects(); !onlyObserver(left) {
		t.Errorf("left: %v", left)
	}
}

// Prewarmed volumes are like those made at the start, and each serves one start, for any plain mount.
func TestPrewarm(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	facts := b.app(nil, file{Name: "data/", Mode: 0o755})
	p := sealed(profile.Mount{Path: "/data", Kind: profile.Plain})
	b.Prewarm(t.Context(), facts, p)
	b.Prewarm(t.Context(), facts, p) // which has no effect
	var made []string
	for _, v := range b.prewarmed.volumes {
		made = append(made, v.Name)
	}
	if len(made) != prewarmedStarts {
		t.Fatalf("prewarmed: %v", made)
	}
	other := sealed(profile.Mount{Path: "/other", Kind: profile.Plain})
	two := sealed(profile.Mount{Path: "/data", Kind: profile.Plain}, profile.Mount{Path: "/other", Kind: profile.Plain})
	memory := sealed(profile.Mount{Path: "/other", Kind: profile.Plain, Medium: profile.Memory})
	for _, c := range []struct {
		p    profile.Profile
		took int
	}{{memory, -1}, {other, 0}, {two, -1}, {p, 1}, {p, -1}} {
		run := b.start(facts, c.p, "wait")
		has := b.mountsOf(run.ID())
		if took := slices.IndexFunc(made, func(name string) bool { return slices.Contains(has, name) }); took != c.took {
			t.Errorf("%v took volume %d, want %d", c.p.Mounts, took, c.took)
		}
		code, out, err := run.Exec(t.Context(), []string{"/app", "stat:" + c.p.Mounts[0].Path})
		if err != nil || code != 0 || !strings.Contains(out, "777 0:0") { // 1777 for memory
			t.Errorf("%d %q %v", code, out, err)
		}
	}
}

// TestWritableVolumes: where nothing but the mode of emptyDirs is wanted, the engine copies it from the helper image. Without
// that image, and for more volumes than it has directories, the modes are set otherwise.
func TestWritableVolumes(t *testing.T) {
	for _, c := range []struct {
		name   string
		b      bench
		count  int
		copied bool
	}{
		{"some", newBench(t), 2, true},
		{"many", newBench(t), tracehost.WritableVolumes + 1, false},
		{"no helper image", newPlainBench(t), 1, false},
	} {
		facts := c.b.app(nil)
		var wanted []profile.Mount
		for i := range c.count {
			wanted = append(wanted, profile.Mount{Path: fmt.Sprintf("/m%d", i)})
		}
		mounts, err := c.b.volumes.emptyDirs(t.Context(), wanted)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.b.volumes.prepare(t.Context(), facts, mounts, nil); err != nil {
			t.Fatal(err)
		}
		if c.copied == c.b.volumes.checked.Load() {
			t.Errorf("%s: a tar stream set the modes: %t", c.name, !c.copied)
		}
		var v volumes
		for _, m := range mounts {
			v.names = append(v.names, m.volume.Name)
		}
		err = c.b.volumes.with(t.Context(), facts, v, func(box *docker.Container) error {
			body, err := box.Archive(t.Context(), preparedRoot)
			if err != nil {
				return err
			}
			defer body.Close()
			return checkRoots(body, mounts, nil)
		})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
