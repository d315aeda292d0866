package image

import (
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func TestExposed(t *testing.T) {
	f := Facts{Config: &v1.ConfigFile{}}
	f.Config.Config.ExposedPorts = map[string]struct{}{
		"53/udp": {}, "53/tcp": {}, "8080": {}, "5060-5062/UDP": {}, "0/tcp": {}, "x/udp": {}, "70000/udp": {}, "9/sctp": {}, "7-5/tcp": {}, "5-x/tcp": {}, "x-9/tcp": {},
	}
	for proto, want := range map[string][]int{"tcp": {53, 8080}, "udp": {53, 5060, 5061, 5062}, "sctp": {9}, "icmp": nil} {
		if got := f.Exposed(proto); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", proto, got, want)
		}
	}
}
