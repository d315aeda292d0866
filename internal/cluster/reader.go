package cluster

import (
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/image"
)

// reader is a user who lists files.
type reader struct {
	uid    int64
	groups []int64
}

// parseReader reads the user of a /proc/PID/status file.
func parseReader(status string) reader {
	var r reader
	for line := range strings.Lines(status) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		words := strings.Fields(value)
		switch key {
		case "Uid":
			r.uid = number(words, 1)
		case "Gid":
			r.groups = append(r.groups, number(words, 1))
		case "Groups":
			for i := range words {
				r.groups = append(r.groups, number(words, i))
			}
		}
	}
	return r
}

// lists reports whether the user may list a directory and inspect its entries. Root may always.
func (r reader) lists(dir image.Entry) bool {
	if dir.Kind != image.Dir {
		return true // a directory of the image that is one no longer: nothing is in it
	}
	const both = 0o5
	switch {
	case r.uid == 0:
		return true
	case r.uid == dir.UID:
		return dir.Mode>>6&both == both
	case slices.Contains(r.groups, dir.GID):
		return dir.Mode>>3&both == both
	}
	return dir.Mode&both == both
}
