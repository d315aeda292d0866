package docker

import (
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
)

// TestStatusHostname: only the name that the engine makes of the id is one that another container does not have. With
// --network host it is the name of the machine, which may be any word.
func TestStatusHostname(t *testing.T) {
	id := "db01" + strings.Repeat("9f", 30)
	for name, want := range map[string]string{id[:12]: id[:12], "db": "", "db01": "", "web": "", "": ""} {
		found := container.InspectResponse{ContainerJSONBase: &container.ContainerJSONBase{ID: id}, Config: &container.Config{Hostname: name}}
		if got := statusOf(found).Hostname; got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
