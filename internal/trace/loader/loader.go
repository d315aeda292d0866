// Package loader starts a program that was brought in parts: a Secret of Kubernetes holds at most 1 MiB, and podseal's program
// for containers is three times as large.
//
// The loader is an executable of a few hundred bytes. It joins the parts, which are files next to it, in memory, and
// becomes the program that they make, with its arguments and environment unchanged. It needs no writable file system. Its
// code is in asm; the smallest program of the Go linker would not fit into a Secret itself.
package loader

import (
	"bytes"
	"embed"
	"encoding/binary"
	"fmt"
	"strconv"
)

const (
	// Folder is where the loader expects the parts: at a fixed path, as it has no code to find itself.
	Folder = "/.podseal"
	// MaxParts is the largest number of parts: a part's name is one digit.
	MaxParts = 10
	// partSize leaves room in a Secret of 1 MiB for names and the loader.
	partSize = 1_000_000
)

// Parts splits a program. The parts have the names "0", "1" and so on in Folder.
func Parts(program []byte) ([]Part, error) {
	var out []Part
	for n := 0; len(program) > 0; n++ {
		if n == MaxParts {
			return nil, fmt.Errorf("the program is larger than %d parts of %d bytes", MaxParts, partSize)
		}
		size := min(partSize, len(program))
		out = append(out, Part{Name: strconv.Itoa(n), Data: program[:size]})
		program = program[size:]
	}
	return out, nil
}

// Part is one part of a program.
type Part struct {
	Name string
	Data []byte
}

//go:embed code/amd64.bin code/arm64.bin
var code embed.FS

// machines are the numbers of architectures in ELF files.
var machines = map[string]uint16{"amd64": 62, "arm64": 183}

// Program returns the loader for an architecture in Go's spelling.
func Program(arch string) ([]byte, error) {
	machine, known := machines[arch]
	if !known {
		return nil, fmt.Errorf("there is no loader for the architecture %q", arch)
	}
	text, err := code.ReadFile("code/" + arch + ".bin")
	if err != nil {
		return nil, fmt.Errorf("reading the loader for %s: %w", arch, err)
	}
	return executable(machine, text), nil
}

// The layout of the executable: the file header, two program headers, the code. All of it is mapped at one address.
const (
	headerSize  = 64
	segmentSize = 56
	address     = 0x400000
	pageSize    = 0x10000 // the largest page of arm64
)

// executable returns a static ELF file with code at its entry.
func executable(machine uint16, text []byte) []byte {
	const start = headerSize + 2*segmentSize
	size := uint64(start + len(text))
	var b bytes.Buffer
	write := func(values ...any) {
		for _, v := range values {
			_ = binary.Write(&b, binary.LittleEndian, v) // a buffer takes everything
		}
	}
	b.WriteString("\x7fELF\x02\x01\x01\x00")                                                                // 64 bits, little endian
	write(uint64(0), uint16(2), machine, uint32(1))                                                         // ET_EXEC
	write(uint64(address+start), uint64(headerSize), uint64(0), uint32(0))                                  // entry, program headers, no sections
	write(uint16(headerSize), uint16(segmentSize), uint16(2), uint16(0), uint16(0), uint16(0))              // sizes and numbers
	write(uint32(1), uint32(5), uint64(0), uint64(address), uint64(address))                                // PT_LOAD, readable and executable
	write(size, size, uint64(pageSize))                                                                     //
	write(uint32(0x6474e551), uint32(6), uint64(0), uint64(0), uint64(0), uint64(0), uint64(0), uint64(16)) // PT_GNU_STACK, not executable
	b.Write(text)
	return b.Bytes()
}
