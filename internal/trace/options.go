package trace

import (
	"path"
	"regexp"
	"strconv"
	"time"

	"github.com/podseal/podseal/internal/trace/wire"
)

// The places that the host shares with the sensor and the observer.
const (
	// Mountpoint is where the volume with the sensor's binary and the observer's socket is mounted.
	Mountpoint = wire.Mountpoint
	// BinaryName is the name of the binary in the volume.
	BinaryName = wire.BinaryName
)

// SensorOptions locate the sensor's observer.
type SensorOptions struct {
	Socket string        // name of the socket in the volume; empty means "socket"
	Wait   time.Duration // bound of the wait for the observer; 0 means wire.DefaultWait
}

// SensorArgs returns the command line that runs argv traced.
func SensorArgs(argv []string, o SensorOptions) []string {
	args := []string{path.Join(wire.Mountpoint, wire.BinaryName), wire.SensorCommand, "--socket=" + socketName(o.Socket)}
	if o.Wait > 0 {
		args = append(args, "--wait="+o.Wait.String())
	}
	return append(append(args, "--"), argv...)
}

// ObserverOptions describe the target that an observer serves.
type ObserverOptions struct {
	Socket string // as in SensorOptions
	Off    bool   // no sensor will come: the observer answers requests only
	// PortStart is the target's net.ipv4.ip_unprivileged_port_start: binding a lower port is denied to whoever lacks
	// NET_BIND_SERVICE.
	PortStart int
}

// ObserverArgs returns the observer's command line.
func ObserverArgs(o ObserverOptions) []string {
	args := []string{path.Join(wire.Mountpoint, wire.BinaryName), wire.ObserverCommand, "--socket=" + socketName(o.Socket)}
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
		return wire.DefaultSocket
	}
	return name
}

// sensorFailure matches what the sensor writes where it cannot start the program.
var sensorFailure = regexp.MustCompile(`(?m)^podseal sensor: (starting .+)$`)

// StartFailure returns why the sensor could not start the program, by the logs of its container; "" where they do not say
// so.
func StartFailure(logs string) string {
	if found := sensorFailure.FindStringSubmatch(logs); found != nil {
		return found[1]
	}
	return ""
}
