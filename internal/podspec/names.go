package podspec

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// MaxName is the length that Kubernetes allows for the names of volumes and containers (DNS-1123 labels).
const MaxName = 63

// VolumeName returns a DNS-1123 label for the volume behind a path: "/var/cache/nginx" gives "var-cache-nginx".
// Where the path holds more than a label can say, a short hash of it keeps different paths apart.
func VolumeName(path string) string { return Label(path, "", "volume") }

// Label returns a DNS-1123 label of at most MaxName characters from any text, with a prefix that is a label itself.
// It returns the fallback for a text without a usable character.
func Label(text, prefix, fallback string) string {
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
	if !lossy && len(prefix)+len(name) <= MaxName {
		return prefix + name
	}
	sum := sha256.Sum256([]byte(text))
	hash := "-" + hex.EncodeToString(sum[:4])
	keep := min(len(name), MaxName-len(prefix)-len(hash))
	return prefix + strings.Trim(name[:keep], "-") + hash
}

// Names are names that are taken.
type Names map[string]bool

// Take adds a name and returns it: the name itself, or with the lowest number that makes it free: "tmp", "tmp-2", "tmp-3".
func (n Names) Take(name string) string {
	free := name
	for i := 2; n[free]; i++ {
		suffix := "-" + strconv.Itoa(i)
		free = strings.TrimRight(name[:min(len(name), MaxName-len(suffix))], "-") + suffix
	}
	n[free] = true
	return free
}
