package composefile

import (
	"path/filepath"
	"strings"
	"testing"
)

// An error says the line and the field in plain words.
func TestFault(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{"services:\n  web:\n    image: x\n    imag: y\n", "4: services.web.imag: Compose has no such field"},
		{"services:\n  web:\n    image: [x]\n", "3: services.web.image must be a string"},
		{"services:\n  web:\n    image: x\n    depends_on: [db]\n", `2: service "web" depends on undefined service "db"`},
		{"services:\n  web:\n    image: x\n    ports:\n    - eighty\n", "5: invalid containerPort: eighty"},
		{"services:\n  web:\n    image: ${TAG_OF_WEB:?set it}\n", "3: services.web.image: the variable TAG_OF_WEB has no value: set it"},
		{"services:\n  web:\n    image: x\n    volumes: [data:/data]\n", `2: service "web" refers to undefined volume data`},
		{"services:\n  web:\n    command: x\n", `2: service "web" has neither an image nor a build context specified`},
	} {
		name := filepath.Join(t.TempDir(), "compose.yaml")
		_, _, err := Convert(t.Context(), name, []byte(c.source), nil)
		if err == nil || strings.TrimPrefix(err.Error(), name+":") != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}
