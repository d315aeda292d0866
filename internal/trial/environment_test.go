package trial

import (
	"slices"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/target"
)

// published is a container with published ports.
type published struct {
	engine.Container
	tcp, udp map[int]int
}

func (c published) ID() string            { return "id" }
func (c published) Host() string          { return "127.0.0.1" }
func (c published) Ports() map[int]int    { return c.tcp }
func (c published) UDPPorts() map[int]int { return c.udp }

func TestEnvironment(t *testing.T) {
	for _, c := range []struct {
		name  string
		ports []int
		c     published
		want  string
	}{
		{"none", nil, published{}, ""},
		{"TCP", []int{80, 90}, published{tcp: map[int]int{80: 1, 90: 2}}, "PORT=1 URL=http://127.0.0.1:1 PORT_80=1 PORT_90=2"},
		{"UDP alone", nil, published{udp: map[int]int{53: 3, 69: 4}}, "PORT=3 PORT_53=3 PORT_53_UDP=3 PORT_69=4 PORT_69_UDP=4"},
		{"both", []int{53}, published{tcp: map[int]int{53: 1}, udp: map[int]int{53: 3}}, "PORT=1 URL=http://127.0.0.1:1 PORT_53=1 PORT_53_UDP=3"},
	} {
		got := slices.DeleteFunc(environment(target.Target{Ports: c.ports}, c.c), func(v string) bool {
			return strings.HasPrefix(v, "PODSEAL_CONTAINER") || strings.HasPrefix(v, "PODSEAL_HOST")
		})
		if s := strings.ReplaceAll(strings.Join(got, " "), "PODSEAL_", ""); s != c.want {
			t.Errorf("%s: %s, want %s", c.name, s, c.want)
		}
	}
}
