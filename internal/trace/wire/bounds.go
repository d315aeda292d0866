package wire

import "strings"

// Bounds of what the observer keeps and sends, and of what a Session keeps of it.
const (
	// MaxBytes bounds the memory of the writes that are kept, by KeySize.
	MaxBytes = 32 << 20
	// MaxKeys bounds the distinct writes, MaxBinds the attempts to bind a port, MaxIdentities the users and groups that
	// processes took. Further ones are counted as lost.
	MaxKeys       = 100_000
	MaxBinds      = 4096
	MaxIdentities = 1000
	// MaxConnections bounds the distinct connections. A note says that there are more.
	MaxConnections = 4096
	// KeyOverhead is what a write takes besides its two paths.
	KeyOverhead = 256
	// MaxNotes bounds the distinct notes, MaxNote the bytes of each.
	MaxNotes = 64
	MaxNote  = 1 << 10
	// MaxLine bounds one message.
	MaxLine = 1 << 20
	// MaxProcesses bounds a list of processes.
	MaxProcesses = 5000
)

// KeySize returns the memory that one write takes.
func KeySize(path, to string) int { return KeyOverhead + len(path) + len(to) }

// Shorten cuts a note that is too long.
func Shorten(note string) string {
	if len(note) <= MaxNote {
		return note
	}
	return strings.ToValidUTF8(note[:MaxNote], "") + "..."
}
