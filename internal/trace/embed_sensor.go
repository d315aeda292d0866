//go:build embed_sensor

package trace

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
)

// The release build puts gzipped static linux binaries here before it builds the others:
// sensors/podseal-linux-amd64.gz and sensors/podseal-linux-arm64.gz, built without this tag.
//
//go:embed sensors/podseal-linux-*.gz
var sensors embed.FS

func embedded(arch string) ([]byte, error) {
	name := "sensors/podseal-linux-" + arch + ".gz"
	packed, err := sensors.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading the embedded %s: %w", name, err)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("unpacking the embedded %s: %w", name, err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("unpacking the embedded %s: %w", name, err)
	}
	return b, nil
}
