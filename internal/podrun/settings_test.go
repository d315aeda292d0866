package podrun

import (
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

func TestSettings(t *testing.T) {
	facts := image.Facts{Ref: "x", ID: "sha256:1", Config: &v1.ConfigFile{Config: v1.Config{
		Entrypoint: []string{"/e"}, Cmd: []string{"c"},
		ExposedPorts: map[string]struct{}{"80/tcp": {}, "53/udp": {}, "8000-8002/tcp": {}, "9": {}, "x/tcp": {}},
	}}}
	p := profile.Profile{User: profile.User{UID: 5, GID: 6, Groups: []int64{7}}, Env: map[string]string{"A": "9", "Z": "1"}}
	s, err := sealedSpec(target.Target{
		Env: []target.EnvVar{{Name: "B", Value: "1"}, {Name: "A", Value: "2"}, {Name: "B", Value: "3"}},
	}, facts, p, nil, "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.Env, " "); got != "B=3 A=9 Z=1" {
		t.Errorf("Env = %s", got)
	}
	if got := targetPorts(target.Target{}, facts); !slices.Equal(got, []int{9, 80, 8000, 8001, 8002}) {
		t.Errorf("ports = %v", got)
	}
	if !slices.Contains(s.Ports, docker.Port{Number: 80, Protocol: "tcp"}) || s.PublishOn != "127.0.0.1" {
		t.Errorf("ports = %v on %s", s.Ports, s.PublishOn)
	}
	if s.User != "5:6" || !slices.Equal(s.Groups, []string{"7"}) || s.Sysctls["net.ipv4.ip_unprivileged_port_start"] != "1024" {
		t.Errorf("spec = %+v", s)
	}
	for _, network := range []string{"host", "container:abc"} {
		s, err := sealedSpec(target.Target{Network: network}, facts, p, nil, "127.0.0.1")
		if err != nil || s.Sysctls != nil || s.Ports != nil {
			t.Errorf("network %s: %+v, %v", network, s, err)
		}
	}
	facts.Config.Config.Entrypoint, facts.Config.Config.Cmd = nil, nil
	if _, err := openSpec(target.Target{}, facts, ""); err == nil {
		t.Error("an image without a command was accepted")
	}
}

// A VOLUME is covered by a mount of its place, however the image declares it.
func TestUncovered(t *testing.T) {
	t.Parallel()
	facts := image.Facts{Config: &v1.ConfigFile{Config: v1.Config{Volumes: map[string]struct{}{"data": {}, "/srv/": {}, "/var/lib//app": {}, "/x": {}}}}}
	p := profile.Profile{}
	for _, at := range []string{"/data", "/srv", "/var/lib/app"} {
		p = p.WithMount(profile.Mount{Path: at, Kind: profile.Plain, Volume: true})
	}
	if got := engine.UncoveredVolumes(target.Target{}, facts, p); !slices.Equal(got, []string{"/x"}) {
		t.Errorf("uncovered: %q", got)
	}
}

// A kubelet's runtime lets nobody but root send ICMP echoes unless the pod says so.
func TestPingGroups(t *testing.T) {
	t.Parallel()
	for ping, want := range map[bool]string{false: "1 0", true: "0 2147483647"} {
		p := sealed()
		p.Ping = ping
		pod := sandboxSpec(target.Target{Pod: &target.Pod{}}, p, "127.0.0.1")
		if got := restrict(docker.Spec{}, p).Sysctls[pingSysctl]; got != want || pod.Sysctls[pingSysctl] != want {
			t.Errorf("ping %t: %q, in a pod %q", ping, got, pod.Sysctls[pingSysctl])
		}
	}
}

// sealed returns a profile of an ordinary user with mounts.
func sealed(mounts ...profile.Mount) profile.Profile {
	p := profile.Profile{User: profile.User{UID: 1000, GID: 2000}}
	for _, m := range mounts {
		p = p.WithMount(m)
	}
	return p
}
