package enginetest

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
)

// profileContracts returns the contracts about the image and the user, the ports and the root filesystem of a profile.
func profileContracts() []contract {
	const accounts = "-- image --\nf 0644 0:0 /etc/passwd\n-- /etc/passwd --\nroot:x:0:0::/root:\napp:x:1000:2000::/home/app:\n" +
		"-- /etc/group --\napp:x:2000:\nextra:x:3000:app\n"
	return []contract{
		{name: "Image", archive: accounts + "-- config --\nuser app\nworkdir /work\nexpose 80\nvolume /data\n", check: checkImage},
		{name: "User", archive: accounts + "-- config --\nuser app\n-- app --\nstart id\nstart log : ready\n", check: checkUser},
		{name: "Root", archive: "-- app --\nstart write /file tolerated\nstart log : ready\n", check: checkRoot},
		{name: "LowPorts", archive: "-- app --\nstart listen 80 tolerated\nstart log : ready\n", check: checkLowPorts},
		{
			name: "Ports", archive: "-- config --\nexpose 8080\n-- app --\nstart listen 8080\nstart log : ready\n",
			needs: func(c engine.Capabilities) bool { return c.Ports }, check: checkPorts,
		},
	}
}

func checkImage(b *bench) {
	config := b.facts.Config.Config
	_, volume := config.Volumes["/data"]
	_, port := config.ExposedPorts["80/tcp"]
	if config.User != "app" || config.WorkingDir != "/work" || !volume || !port {
		b.Errorf("configuration: %+v", config)
	}
	tree, err := b.e.Tree(b.Context(), b.facts)
	if err != nil {
		b.Fatalf("Tree: %v", err)
	}
	defer func() {
		if err := tree.Close(b.Context()); err != nil {
			b.Errorf("Close: %v", err)
		}
	}()
	if e, ok, err := tree.Lookup(b.Context(), "/etc/passwd"); err != nil || !ok || e.Mode.Perm() != 0o644 || e.UID != 0 {
		b.Errorf("Lookup: %+v, %v, %v", e, ok, err)
	}
	if _, ok, err := tree.Lookup(b.Context(), "/missing"); err != nil || ok {
		b.Errorf("Lookup of a missing file: %v, %v", ok, err)
	}
	list, _, err := tree.List(b.Context(), "/etc", 100) // an engine may show files that it adds to each container
	for _, want := range []string{"/etc/group", "/etc/passwd"} {
		if !slices.ContainsFunc(list, func(e image.Entry) bool { return e.Path == want }) {
			b.Errorf("List: no %s in %v, %v", want, list, err)
		}
	}
	if data, err := tree.ReadFile(b.Context(), "/etc/group"); err != nil || !strings.HasPrefix(string(data), "app:x:2000:") {
		b.Errorf("ReadFile: %q, %v", data, err)
	}
}

func checkUser(b *bench) {
	b.wantLogs(b.ready(profile.Unrestricted()), "app: id 1000:2000 [2000 3000]", "ready")
	groups := "[2000]"
	if b.e.Capabilities().ImageGroups {
		groups = "[2000 3000]"
	}
	b.wantLogs(b.ready(user()), "app: id 1000:2000 "+groups, "ready")
	p := user()
	p.User = profile.User{UID: 7, GID: 8, Groups: []int64{9, 3000}}
	b.wantLogs(b.ready(p), "app: id 7:8 [8 9 3000]", "ready")
}

func checkRoot(b *bench) {
	const refused = "app: write /file: Read-only file system"
	b.wantLogs(b.ready(profile.Unrestricted()), "ready")
	p := profile.Profile{}
	b.wantLogs(b.ready(p), refused, "ready")
	p.WritableRoot = true
	b.wantLogs(b.ready(p), "ready")
	b.wantLogs(b.ready(user()), refused, "ready")
}

func checkLowPorts(b *bench) {
	p := user()
	b.wantLogs(b.ready(p), "app: listen failed: bind: Permission denied", "ready")
	p.LowPorts = true
	b.wantLogs(b.ready(p), "ready")
	p = profile.Profile{}.WithCapability("NET_BIND_SERVICE")
	b.wantLogs(b.ready(p), "ready")
}

func checkPorts(b *bench) {
	c := b.ready(user())
	if len(c.UDPPorts()) != 0 {
		b.Errorf("UDP ports: %v", c.UDPPorts())
	}
	for range 2 {
		if err := greeted(b.Context(), c, 8080); err != nil {
			b.Errorf("port 8080: %v", err)
		}
		if err := c.Restart(b.Context()); err != nil {
			b.Fatalf("Restart: %v", err)
		}
		b.waitReady(c, 2)
	}
}

// greeted returns why the application does not greet at a port.
func greeted(ctx context.Context, c engine.Container, port int) error {
	at, ok := c.Ports()[port]
	if !ok {
		return fmt.Errorf("not published, only %v", c.Ports())
	}
	dialer := net.Dialer{Timeout: 5 * time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(c.Host(), strconv.Itoa(at)))
	if err != nil {
		return err
	}
	defer conn.Close()
	buf := make([]byte, 5)
	if _, err := conn.Read(buf); err != nil {
		return err
	}
	if string(buf) != "hello" {
		return fmt.Errorf("the application says %q", buf)
	}
	return nil
}
