package image

import (
	"slices"
	"strconv"
	"strings"
)

// Exposed returns the ports of a protocol ("tcp", "udp") that the image exposes, sorted. It leaves out ports that are not a
// number from 1 to 65535.
func (f Facts) Exposed(proto string) []int {
	var out []int
	for spec := range f.Config.Config.ExposedPorts {
		numbers, p, given := strings.Cut(spec, "/")
		if !given {
			p = "tcp"
		}
		low, high, isRange := strings.Cut(numbers, "-")
		if !isRange {
			high = low
		}
		first, err := strconv.ParseUint(low, 10, 16)
		last, err2 := strconv.ParseUint(high, 10, 16)
		if !strings.EqualFold(p, proto) || err != nil || err2 != nil || first == 0 {
			continue
		}
		for n := first; n <= last; n++ {
			out = append(out, int(n))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
