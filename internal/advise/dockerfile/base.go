package dockerfile

import (
	"regexp"
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

// windowsName matches the parts of the names and tags of Windows images: of the editions, and of the releases.
var windowsName = regexp.MustCompile(`(?i)(^|[/:._-])(windows|windowsservercore|windowsserver|nanoserver|servercore|ltsc20\d\d)([/:._-]|$)`)

// windowsImage reports whether an image is for Windows, by its name or by the platform that is asked for.
func windowsImage(ref, platform string) bool {
	ref, _, _ = strings.Cut(ref, "@")
	return strings.HasPrefix(strings.ToLower(platform), "windows") || windowsName.MatchString(ref)
}
