package profile

import (
	"path"
	"strings"
)

// SeedSubPath is the folder inside the volume of an owned or seeded mount that the container gets: the subPath of its
// volumeMount. It is not the volume's root because that belongs to root, whatever the user.
const SeedSubPath = "d"

// SeedImagePath is where an init container finds the application's image, where that is mounted as a volume.
const SeedImagePath = "/podseal-image"

// Seeding says what the init containers of owned and seeded mounts run in. The zero value is the application's own
// image, which then has to have a shell, and has the content in place.
type Seeding struct {
	// Image is another image for them, as the manifest names it.
	Image string `json:"image,omitempty"`
	// ImageVolume mounts the application's image into the init containers of seeded mounts, at SeedImagePath: from
	// another Image its files cannot be seen otherwise.
	ImageVolume bool `json:"imageVolume,omitempty"`
}

// Command is the command of the init container of a mount, which has the mount's volume at SeedVolumePath. It is nil
// for a plain mount.
func (s Seeding) Command(m Mount) []string {
	at := m.SeedVolumePath()
	if s.ImageVolume {
		m.Path = SeedImagePath + m.Path
	}
	return m.SeedCommand(at)
}

// NeedsInit tells whether an init container has to run before the container may use the mount.
func (m Mount) NeedsInit() bool { return m.Kind == Owned || m.Kind == Seeded }

// SeedVolumePath is where the init container of an owned or seeded mount has the volume: a path that neither hides the
// content to be copied nor lies within it.
func (m Mount) SeedVolumePath() string {
	const usual, other = "/seed", "/podseal-seed"
	at := path.Clean(m.Path)
	if Within(at, usual) {
		return other
	}
	return usual
}

// SeedCommand is the command of the init container that makes the folder of an owned or seeded mount, and fills it
// where it is seeded, in the volume at volumeMountPath. It is nil for a plain mount.
//
// The command keeps what an earlier start left (a sandbox restart runs init containers again over kept volumes), and it
// is atomic: a folder that is there is complete. It avoids cp -a, which fails on the volume's root, root's own.
func (m Mount) SeedCommand(volumeMountPath string) []string {
	done := path.Join(volumeMountPath, SeedSubPath)
	half := path.Join(volumeMountPath, ".t")
	q, mkdir := shellQuote, "mkdir "
	if m.Private {
		mkdir = "mkdir -m 700 "
	}
	switch m.Kind {
	case Owned:
		return []string{"sh", "-c", "[ -d " + q(done) + " ] || " + mkdir + q(done)}
	case Seeded:
		from := strings.TrimSuffix(path.Clean(m.Path), "/") + "/."
		open := ""
		if m.Rewritable {
			open = " && chmod -R u+w " + q(half)
		}
		return []string{"sh", "-c", "[ -d " + q(done) + " ] || { rm -rf " + q(half) + " && " + mkdir + q(half) +
			" && " + m.copying(q(from)+" "+q(half+"/"), q(path.Join(volumeMountPath, ".e"))) + open + " && mv " + q(half) + " " + q(done) + "; }"}
	}
	return nil
}

// copying is the command that copies a seed. A partial one fails for any other reason than what may not be read.
func (m Mount) copying(fromTo, said string) string {
	if !m.Partial {
		return "cp -R " + fromTo
	}
	return "{ LC_ALL=C cp -R " + fromTo + " 2>" + said + " || while read -r l; do case $l in *'Permission denied') ;; *) echo \"$l\" >&2; exit 1; esac; done <" + said + "; }"
}

// SeedPrograms are the programs that the init container of a mount runs.
func (m Mount) SeedPrograms() []string {
	switch {
	case m.Kind == Owned:
		return []string{"sh", "mkdir"}
	case m.Kind == Seeded && m.Rewritable:
		return []string{"sh", "rm", "mkdir", "cp", "chmod", "mv"}
	case m.Kind == Seeded:
		return []string{"sh", "rm", "mkdir", "cp", "mv"}
	}
	return nil
}

// shellQuote makes one word of s for sh, leaving plain words as they are so that manifests stay readable.
func shellQuote(s string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-+:,=@%"
	if s != "" && strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
