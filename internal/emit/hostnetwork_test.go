package emit

import (
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// A container in the network of the host or of another container has neither published ports nor sysctls of a network.
func TestSharedNetwork(t *testing.T) {
	for network, own := range map[string]bool{"": true, "bridge": true, "host": false, "container:db": false} {
		in := []Input{{
			Name: "web", Profile: profile.Profile{User: profile.User{UID: 1, GID: 1}},
			Target: target.Target{Image: "web:1", Network: network, Ports: []int{8080}},
		}}
		for name, write := range map[string]func([]Input) (View, error){"compose": Compose, "docker": DockerRun} {
			v, err := write(in)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(string(v.Text), "sysctl"); got != own {
				t.Errorf("%s, network %q: sysctls %v, want %v", name, network, got, own)
			}
		}
		if v, _ := DockerRun(in); strings.Contains(string(v.Text), "--publish") != own {
			t.Errorf("network %q:\n%s", network, v.Text)
		}
	}
}
