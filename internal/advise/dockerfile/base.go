package dockerfile

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// Base is what is known of a base image.
type Base struct {
	Family   Family
	User     *string           // its USER; nil if not known
	Accounts map[string]string // accounts that it has: name to "uid:gid"
	Prefer   string            // the account that it has for applications; empty if none
	Drops    string            // the user that its own entrypoint becomes; empty if it stays or is not known
	Env      map[string]string // that a USER may use
	Ports    []string          // that it exposes: "80", "53/udp"
}

// Family is a kind of base image: the way to make users there.
type Family string

// The families of base images.
const (
	Debian     Family = "debian" // and Ubuntu
	Alpine     Family = "alpine"
	RedHat     Family = "redhat"     // with useradd
	Minimal    Family = "minimal"    // a shell, but no tool that makes users
	Distroless Family = "distroless" // no shell, has the account nonroot
	Scratch    Family = "scratch"
	Windows    Family = "windows"
	Unknown    Family = ""
)

// familyShown returns the family of an image by a command that works there, as far as it shows how users are made.
func familyShown(words []string) Family {
	switch path.Base(words[0]) {
	case "apt-get", "apt", "dpkg":
		return Debian
	case "apk":
		return Alpine
	case "useradd", "groupadd":
		return RedHat
	case "dnf", "yum", "microdnf", "tdnf", "zypper", "pacman":
		if slices.Contains(words, "shadow-utils") || slices.Contains(words, "shadow") {
			return RedHat
		}
		return Minimal // useradd is not in all of them
	}
	return Unknown
}

// windowsName matches the parts of the names and tags of Windows images: of the editions, and of the releases.
var windowsName = regexp.MustCompile(`(?i)(^|[/:._-])(windows|windowsservercore|windowsserver|nanoserver|servercore|ltsc20\d\d)([/:._-]|$)`)

// windowsImage reports whether an image is for Windows, by its name or by the platform that is asked for.
func windowsImage(ref, platform string) bool {
	ref, _, _ = strings.Cut(ref, "@")
	return strings.HasPrefix(strings.ToLower(platform), "windows") || windowsName.MatchString(ref)
}
