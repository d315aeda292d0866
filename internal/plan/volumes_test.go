package plan

import (
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/podseal/podseal/internal/image"
)

func TestCheckVolumes(t *testing.T) {
	for volume, want := range map[string]string{
		"/data": "", "data": "", "/a,b c": "", "/": "root folder", "//": "root folder", "/a:b": "with a colon", "c:": "with a colon",
	} {
		var f image.Facts
		f.Config = &v1.ConfigFile{Config: v1.Config{Volumes: map[string]struct{}{volume: {}}}}
		err := CheckVolumes(f)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", volume, err, want)
		}
	}
}
