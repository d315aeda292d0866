package trace

import (
	"path"
	"strconv"
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

const defaultSocket = "socket"

// SensorOptions tell the sensor where its observer is.
type SensorOptions struct {
	Socket string        // name of the socket in the volume; empty means "socket"
	Wait   time.Duration // bound of the wait for the observer; 0 means DefaultWait
}

// SensorArgs is the command line that runs argv with every write seen.
func SensorArgs(argv []string, o SensorOptions) []string {
	args := []string{path.Join(Mountpoint, BinaryName), SensorCommand, "--socket=" + socketName(o.Socket)}
	if o.Wait > 0 {
		args = append(args, "--wait="+o.Wait.String())
	}
	return append(append(args, "--"), argv...)
}

// ObserverOptions tell the observer what to expect.
type ObserverOptions struct {
	Socket string // as in SensorOptions
	Off    bool   // no sensor will come: only listening ports and usage are wanted
	// PortStart is the target's net.ipv4.ip_unprivileged_port_start: binding a lower port is denied to whoever lacks
	// NET_BIND_SERVICE.
	PortStart int
}

// ObserverArgs is the observer's command line.
func ObserverArgs(o ObserverOptions) []string {
	args := []string{path.Join(Mountpoint, BinaryName), ObserverCommand, "--socket=" + socketName(o.Socket)}
	if o.Off {
		args = append(args, "--off")
	}
	if o.PortStart > 0 {
		args = append(args, "--port-start="+strconv.Itoa(o.PortStart))
	}
	return args
}

func socketName(name string) string {
	if name == "" {
		return defaultSocket
	}
	return name
}
