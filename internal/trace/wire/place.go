package wire

import (
	"path"
	"strings"
	"time"
)

// Mountpoint is where the volume with the sensor's binary and the observer's socket is mounted, in the target and in
// the observer.
const Mountpoint = "/.podseal"

// BinaryName is the name of the podseal binary in the volume.
const BinaryName = "podseal"

// The subcommands that main dispatches before anything else.
const (
	SensorCommand   = "sensor"
	ObserverCommand = "observer"
)

// DefaultWait is how long the sensor waits for the observer.
const DefaultWait = 20 * time.Second

// DefaultSocket is the socket's name in the volume.
const DefaultSocket = "socket"

// AbstractMark begins the name of a socket that is no file: an abstract one, for containers that share a network and no
// volume.
const AbstractMark = "@"

// SocketAddress returns the address of a socket by its name: a file in the volume, or an abstract one.
func SocketAddress(name string) string {
	if strings.HasPrefix(name, AbstractMark) {
		return name
	}
	return path.Join(Mountpoint, name)
}
