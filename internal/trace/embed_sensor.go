//go:build embed_sensor

package trace

import (
	"embed"
	"fmt"
)

// scripts/build.sh puts static Linux binaries of cmd/podseal-inside here: sensors/podseal-linux-amd64 and, in a release,
// sensors/podseal-linux-arm64.
//
//go:embed sensors/podseal-linux-*
var sensors embed.FS

func embedded(arch string) ([]byte, error) {
	name := "sensors/podseal-linux-" + arch
	b, err := sensors.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading the embedded %s: %w", name, err)
	}
	return b, nil
}
