package plan

import (
	"fmt"
	"strings"

	"github.com/podseal/podseal/internal/image"
)

// CheckVolumes refuses a VOLUME of the image that no pod can mount. A seal mounts every VOLUME, and the API server takes
// no colon in a mountPath; nothing can be mounted on the root folder.
func CheckVolumes(f image.Facts) error {
	for _, v := range Volumes(f) {
		switch {
		case v == "/":
			return fmt.Errorf("it declares the root folder as a VOLUME, which no pod can mount: name the folders that are written")
		case strings.ContainsAny(v, ":\x00"):
			return fmt.Errorf("it declares VOLUME %q, but Kubernetes takes no colon in a mount path: rename the folder", v)
		}
	}
	return nil
}
