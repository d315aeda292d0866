//go:build linux && !amd64 && !arm64

package syscalls

// MachineArchs returns nothing: there is no filter for this machine.
func MachineArchs() []uint32 { return nil }
