package emit

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// maxName is the length that Kubernetes allows for the names of volumes and containers (DNS-1123 labels).
const maxName = 63

// VolumeName is a telling DNS-1123 label for the volume behind a path: "/var/cache/nginx" gives "var-cache-nginx".
// Where the path holds more than a label can say, a short hash of it keeps different paths apart.
func VolumeName(path string) string { return label(path, "", "volume") }

// label makes a DNS-1123 label of at most maxName characters from any text, with a prefix that is a label itself.
// A text of which nothing can be kept gives the fallback.
func label(text, prefix, fallback string) string {
	var b strings.Builder
	lossy := false
	for _, r := range strings.Trim(text, "/") {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case r >= 'A' && r <= 'Z':
			b.WriteRune(r - 'A' + 'a')
		default:
			lossy = lossy || !strings.ContainsRune("/._- ", r)
			if s := b.String(); s != "" && !strings.HasSuffix(s, "-") {
				b.WriteByte('-')
			}
		}
	}
	name := strings.TrimSuffix(b.String(), "-")
	if name == "" {
		name = fallback
	}
	if !lossy && len(prefix)+len(name) <= maxName {
		return prefix + name
	}
	sum := sha256.Sum256([]byte(text))
	hash := "-" + hex.EncodeToString(sum[:4])
	keep := min(len(name), maxName-len(prefix)-len(hash))
	return prefix + strings.Trim(name[:keep], "-") + hash
}

// nameSet hands out names that are not taken yet.
type nameSet map[string]bool

// take returns the name itself, or with the lowest number that makes it free: "tmp", "tmp-2", "tmp-3".
func (n nameSet) take(name string) string {
	free := name
	for i := 2; n[free]; i++ {
		suffix := "-" + strconv.Itoa(i)
		free = strings.TrimRight(name[:min(len(name), maxName-len(suffix))], "-") + suffix
	}
	n[free] = true
	return free
}

// Name is a name for a pod that runs an image: the last part of its repository, "registry/library/nginx:1" gives
// "nginx".
func Name(imageRef string) string {
	ref, _, _ := strings.Cut(imageRef, "@")
	ref = ref[strings.LastIndexByte(ref, '/')+1:]
	ref, _, _ = strings.Cut(ref, ":")
	return label(ref, "", "app")
}
