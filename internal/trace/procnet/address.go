package procnet

import (
	"encoding/binary"
	"net/netip"
)

// The address families of the internet, and the sizes of their struct sockaddr. The kernel takes an IPv6 address without
// its last field.
const (
	familyIPv4 = 2
	familyIPv6 = 10
	sizeIPv4   = 16
	sizeIPv6   = 24
)

// ParseAddress reads a struct sockaddr in the byte order of a little-endian machine. ok is false for a family that is not
// of the internet, and for an address that is cut off. An IPv4 address in the form of IPv6 is returned as IPv4.
func ParseAddress(b []byte) (at netip.AddrPort, ok bool) {
	if len(b) < 2 {
		return netip.AddrPort{}, false
	}
	switch family := binary.LittleEndian.Uint16(b); {
	case family == familyIPv4 && len(b) >= sizeIPv4:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), binary.BigEndian.Uint16(b[2:])), true
	case family == familyIPv6 && len(b) >= sizeIPv6:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[8:24])).Unmap(), binary.BigEndian.Uint16(b[2:])), true
	}
	return netip.AddrPort{}, false
}

// Outside reports whether an address can be another machine's: loopback and unspecified addresses are the caller's own,
// and port 0 is no service's.
func Outside(at netip.AddrPort) bool {
	return at.IsValid() && at.Port() != 0 && !at.Addr().IsLoopback() && !at.Addr().IsUnspecified()
}
