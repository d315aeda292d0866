package emit

import (
	"strings"

	"github.com/podseal/podseal/internal/podspec"
)

// Name returns a name for a pod that runs an image, from the last part of its repository: "registry/library/nginx:1" gives
// "nginx".
func Name(imageRef string) string {
	ref, _, _ := strings.Cut(imageRef, "@")
	ref = ref[strings.LastIndexByte(ref, '/')+1:]
	ref, _, _ = strings.Cut(ref, ":")
	return podspec.Label(ref, "", "app")
}
