package diff

import (
	"path"

	"github.com/podseal/podseal/internal/profile"
)

// kernelTrees are mounted by every runtime; what is written there never reaches the root filesystem.
var kernelTrees = []string{"/dev", "/proc", "/sys"}

// runtimeFiles names files and folders that the runtime makes, not the application, and that differ in a pod.
var runtimeFiles = map[string]string{
	"/.dockerenv":                "made by the engine",
	"/etc/hosts":                 "managed by the kubelet in a pod",
	"/etc/hostname":              "managed by the kubelet in a pod",
	"/etc/resolv.conf":           "managed by the kubelet in a pod",
	"/etc/mtab":                  "made by the engine",
	"/run/.containerenv":         "made by the engine",
	"/sbin/docker-init":          "made by the engine",
	"/dev/termination-log":       "a writable file of the kubelet in a pod",
	"/run/secrets":               "mounted by the runtime",
	"/var/run/secrets":           "mounted by the kubelet in a pod",
	"/run/secrets/kubernetes.io": "mounted by the kubelet in a pod",
}

// noise returns the reason for setting a written path aside; "" if the path counts.
func noise(p string) string {
	for _, k := range kernelTrees {
		if profile.Within(p, k) {
			return "below " + k + ", which the runtime provides"
		}
	}
	for p = path.Clean(p); p != "/" && p != "."; p = path.Dir(p) {
		if why := runtimeFiles[p]; why != "" {
			return why
		}
	}
	return ""
}
