package trace

import "strings"

// Bounds of what the observer keeps and sends, and of what a Session keeps of it.
const (
	// maxBytes bounds the memory of the writes that are kept, by keySize.
	maxBytes = 32 << 20
	// keyOverhead is what a write takes besides its two paths.
	keyOverhead = 256
	// maxNotes bounds the distinct notes, maxNote the bytes of each.
	maxNotes = 64
	maxNote  = 1 << 10
	// maxLine bounds one message.
	maxLine = 1 << 20
	// maxProcesses bounds a list of processes.
	maxProcesses = 5000
)

// keySize is the memory that one write takes.
func keySize(path, to string) int { return keyOverhead + len(path) + len(to) }

// shorten cuts a note that is too long.
func shorten(note string) string {
	if len(note) <= maxNote {
		return note
	}
	return strings.ToValidUTF8(note[:maxNote], "") + "..."
}
