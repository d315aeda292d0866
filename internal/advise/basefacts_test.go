package advise_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/podseal/podseal/internal/advise"
	"github.com/podseal/podseal/internal/image"
)

func TestBaseFacts(t *testing.T) {
	const passwd = "-- /etc/passwd --\nroot:x:0:0::/:\nnobody:x:65534:65534::/:\n"
	tests := []struct{ name, tree, want string }{
		{"Debian", "f 0755 0:0 /bin/sh\nf 0755 0:0 /usr/sbin/useradd\n" + passwd + "-- /etc/os-release --\nID=debian\n", "debian "},
		{"UBI", "f 0755 0:0 /bin/sh\nf 0755 0:0 /usr/sbin/useradd\n" + passwd + "-- /etc/os-release --\nID=\"rhel\"\nID_LIKE=\"fedora\"\n", "redhat "},
		{"Rocky", "f 0755 0:0 /bin/sh\nf 0755 0:0 /usr/sbin/useradd\n-- /etc/os-release --\nID_LIKE=\"rhel centos fedora\"\n", "redhat "},
		{"UBI without tools", "f 0755 0:0 /bin/sh\n-- /etc/os-release --\nID_LIKE=fedora\n", "minimal "},
		{"Alpine", "f 0755 0:0 /bin/busybox\nl /bin/sh -> busybox\nl /usr/sbin/adduser -> /bin/busybox\n" + passwd, "alpine "},
		{"node", "f 0755 0:0 /bin/sh\nf 0755 0:0 /usr/sbin/useradd\n" + passwd + "node:x:1000:1000::/:\n", "debian node"},
		{"Fedora", "f 0755 0:0 /bin/sh\nf 0755 0:0 /usr/sbin/useradd\n-- /etc/os-release --\nID=fedora\n", "redhat "},
		{"a name is no kind", "f 0755 0:0 /bin/sh\nf 0755 0:0 /usr/sbin/useradd\n-- /etc/os-release --\nNAME=fedora\nID=own\n", "debian "},
		{"adduser in Perl", "f 0755 0:0 /bin/sh\nf 0755 0:0 /usr/sbin/adduser\n", "minimal "},
		{"the last account of people", "f 0755 0:0 /bin/sh\n" + passwd + "a:x:59999:1000::/:\nb:x:60000:1001::/:\n", "minimal a"},
		{"two of one kind", "f 0755 0:0 /bin/sh\n" + passwd + "a:x:1000:1000::/:\nb:x:1001:1001::/:\n", "minimal "},
		{"distroless", passwd + "nonroot:x:65532:65532::/home/nonroot:\n", "distroless nonroot"},
		{"nothing", "", "distroless "},
	}
	for _, tt := range tests {
		tree, err := image.ParseMemTree(tt.tree)
		if err != nil {
			t.Fatal(err)
		}
		facts := image.Facts{Config: &v1.ConfigFile{OS: "linux", Config: v1.Config{User: "u", Env: []string{"APP_UID=1654"}}}}
		b, err := advise.BaseFacts(context.Background(), facts, tree)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(b.Family, " ", b.Prefer); got != tt.want || *b.User != "u" || b.Env["APP_UID"] != "1654" {
			t.Errorf("%s: %q %+v, want %q", tt.name, got, b, tt.want)
		}
		if tt.name == "node" && b.Accounts["node"] != "1000:1000" {
			t.Errorf("accounts %v", b.Accounts)
		}
	}
}

// The account of a base is the one that its entrypoint becomes, whatever the command: not root, not an unknown user, and
// not one that only prepares something.
func TestBaseDrops(t *testing.T) {
	for script, want := range map[string]string{
		"exec gosu app \"$@\"":          "app",
		"gosu app prepare; exec \"$@\"": "",
		"exec gosu root \"$@\"":         "",
		"exec gosu ghost \"$@\"":        "",
		"exec \"$@\"":                   "",
		"exec gosu \"$RUN_AS\" \"$@\"":  "app",
	} {
		tree := image.NewMemTree([]image.Entry{{Path: "/entry", Kind: image.File, Mode: 0o755}}, map[string]string{
			"/entry": "#!/bin/sh\n" + script + "\n", "/etc/passwd": "root:x:0:0:::\napp:x:7:8:::\n",
		})
		facts := image.Facts{Config: &v1.ConfigFile{OS: "linux", Config: v1.Config{Entrypoint: []string{"/entry"}, Cmd: []string{"web"}, Env: []string{"RUN_AS=app"}}}}
		facts.Config.Config.ExposedPorts = map[string]struct{}{"80/tcp": {}, "53/udp": {}}
		b, err := advise.BaseFacts(context.Background(), facts, tree)
		if got := strings.Join(b.Ports, " "); got != "53/udp 80/tcp" {
			t.Errorf("ports %q", got)
		}
		if err != nil || b.Drops != want {
			t.Errorf("%s: drops to %q (%v), want %q", script, b.Drops, err, want)
		}
	}
}
