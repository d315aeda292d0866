package profile

import (
	"path"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/shell"
)

// SeedSubPath is the folder inside the volume of an owned or seeded mount that the container sees: the subPath of its
// volumeMount. The volume's root would not do, since it belongs to root.
const SeedSubPath = "d"

// SeedImagePath is the mount point of the application's image in an init container that has it as a volume.
const SeedImagePath = "/podseal-image"

// Seeding says which image the init containers of owned and seeded mounts run in. The zero value is the application's
// image, which then needs a shell.
type Seeding struct {
	// Image is another image for them, as the manifest names it; empty for the application's.
	Image string `json:"image,omitempty"`
	// ImageVolume mounts the application's image into the init containers of seeded mounts, at SeedImagePath.
	// Another Image does not see its files otherwise.
	ImageVolume bool `json:"imageVolume,omitempty"`
}

// Command returns the command of the init container of a mount, which has the mount's volume at SeedVolumePath. It returns
// nil for a plain mount.
func (s Seeding) Command(m Mount) []string {
	at := m.SeedVolumePath()
	if s.ImageVolume {
		m.Path = SeedImagePath + m.Path
	}
	return m.SeedCommand(at)
}

// NeedsInit reports whether an init container has to run before the container can use the mount.
func (m Mount) NeedsInit() bool { return m.Kind == Owned || m.Kind == Seeded }

// SeedVolumePath returns the mount point of the volume in the init container of an owned or seeded mount: a path that
// neither hides the content to be copied nor lies within it.
func (m Mount) SeedVolumePath() string {
	const usual, other = "/seed", "/podseal-seed"
	at := path.Clean(m.Path)
	if Within(at, usual) {
		return other
	}
	return usual
}

// SeedCommand returns the command of the init container that makes the folder of an owned or seeded mount in the volume
// at volumeMountPath, and fills it if it is seeded. It returns nil for a plain mount.
//
// The command keeps what an earlier start left (a sandbox restart runs init containers again over kept volumes), and it
// is atomic: it copies into a folder aside and renames that, so that a folder under its final name is complete.
func (m Mount) SeedCommand(volumeMountPath string) []string {
	done := shell.Quote(path.Join(volumeMountPath, SeedSubPath))
	half := shell.Quote(path.Join(volumeMountPath, ".t"))
	mkdir, mode := "mkdir ", "u+rwx"
	if m.Private {
		mkdir, mode = "mkdir -m 700 ", "700"
	}
	switch m.Kind {
	case Owned:
		return []string{"sh", "-c", "[ -d " + done + " ] || " + mkdir + done}
	case Seeded:
		// An interrupted copy may have left folders that are read-only, and rm cannot empty these.
		steps := []string{"{ chmod -R u+rwx " + half + " 2>/dev/null; rm -rf " + half + "; }", mkdir + half}
		steps = append(steps, m.copySteps(half)...)
		if m.Rewritable {
			steps = append(steps, "chmod -R u+w "+half)
		}
		steps = append(steps, "chmod "+mode+" "+half, "mv "+half+" "+done)
		return []string{"sh", "-c", "[ -d " + done + " ] || { " + strings.Join(steps, " && ") + "; }"}
	}
	return nil
}

// copySteps returns the shell commands that copy a seed into a folder.
//
// The copy keeps all that its user can keep. A user who is not root cannot keep owners. GNU cp gets an option not to try:
// it would drop setuid, setgid and sticky bits where it fails, and fail altogether as root without CAP_CHOWN. Other cps
// lack the option, print a message for each file and succeed: the output of cp is shown only if it fails.
func (m Mount) copySteps(into string) []string {
	from := shell.Quote(strings.TrimSuffix(path.Clean(m.Path), "/") + "/.")
	failed := `{ echo "$e" >&2; exit 1; }`
	if m.Partial { // fails for all reasons but files that may not be read or made; a killed cp has printed nothing
		failed = `{ [ $? = 1 ] && printf '%s\n' "$e" | while read -r l; do case $l in *"Permission denied"|*"` + ownershipLost +
			`"*|*"special file"*|*"can't create "*"Operation not permitted") ;; *) echo "$l" >&2; exit 1;; esac; done; }`
	}
	return []string{
		"o=--no-preserve=ownership", "{ cp $o --help >/dev/null 2>&1 || o=; }",
		"{ e=$(LC_ALL=C cp -a $o " + from + " " + into + "/ 2>&1) || " + failed + "; }",
	}
}

// ownershipLost is in each line that cp prints for a file whose owner it could not keep.
const ownershipLost = "preserve ownership"

// SeedMessages returns the output of an init container that failed, without the messages that are not the reason.
func SeedMessages(output string) string {
	lines := slices.DeleteFunc(strings.Split(output, "\n"), func(l string) bool { return strings.Contains(l, ownershipLost) })
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// SeedPrograms returns the programs that the init container of a mount runs.
func (m Mount) SeedPrograms() []string {
	switch m.Kind {
	case Owned:
		return []string{"sh", "mkdir"}
	case Seeded:
		return []string{"sh", "rm", "mkdir", "cp", "chmod", "mv"}
	}
	return nil
}

// CopiesContent reports whether the command of an init container is one that SeedCommand returned for a seeded mount, in
// this version of podseal or an earlier one.
func CopiesContent(command []string) bool {
	line := strings.Join(command, " ")
	return strings.Contains(line, "cp -a ") || strings.Contains(line, "cp -R ")
}
