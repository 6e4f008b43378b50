package health

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
)

// The kinds of program that runsHere compares.
const (
	elf    = "Linux"
	machO  = "macOS"
	pe     = "Windows"
	script = "script"
)

// program reads the first bytes of a file. kind is the system that the program
// is for; it is "" if the file is not a program. archs are its processors, as
// uname -m names them.
func program(r io.ReaderAt) (kind string, archs []string) {
	head := make([]byte, 64)
	n, _ := r.ReadAt(head, 0)
	head = head[:n]
	switch {
	case n >= 2 && string(head[:2]) == "#!":
		return script, nil
	case n < 64:
		return "", nil
	case string(head[:4]) == "\x7fELF":
		var order binary.ByteOrder = binary.LittleEndian
		if head[5] == 2 {
			order = binary.BigEndian
		}
		return elf, []string{elfMachine(order.Uint16(head[18:]))}
	case string(head[:2]) == "MZ":
		coff := make([]byte, 6)
		if _, err := r.ReadAt(coff, int64(binary.LittleEndian.Uint32(head[60:]))); err != nil || string(coff[:4]) != "PE\x00\x00" {
			return "", nil
		}
		return pe, []string{peMachine(binary.LittleEndian.Uint16(coff[4:]))}
	}
	return machOHead(head)
}

// machOHead does the same for a Mach-O file.
func machOHead(head []byte) (string, []string) {
	switch magic := binary.BigEndian.Uint32(head); magic {
	case 0xcffaedfe, 0xcefaedfe: // 64 and 32 bits, little endian
		return machO, []string{machCPU(binary.LittleEndian.Uint32(head[4:]))}
	case 0xcafebabe: // universal: a list of 20-byte entries; head holds two, and no Python has more
		count := binary.BigEndian.Uint32(head[4:])
		var archs []string
		for i := range min(count, 2) {
			archs = append(archs, machCPU(binary.BigEndian.Uint32(head[8+20*i:])))
		}
		return machO, archs
	}
	return "", nil
}

func elfMachine(m uint16) string {
	switch m {
	case 3:
		return "i386"
	case 21:
		return "ppc64"
	case 22:
		return "s390x"
	case 40:
		return "arm"
	case 62:
		return "x86_64"
	case 183:
		return "aarch64"
	case 243:
		return "riscv64"
	case 258:
		return "loongarch64"
	}
	return fmt.Sprintf("ELF machine %d", m)
}

func peMachine(m uint16) string {
	switch m {
	case 0x14c:
		return "i386"
	case 0x8664:
		return "x86_64"
	case 0xaa64:
		return "aarch64"
	}
	return fmt.Sprintf("PE machine %#x", m)
}

func machCPU(c uint32) string {
	switch c {
	case 0x01000007:
		return "x86_64"
	case 0x0100000c:
		return "aarch64"
	}
	return fmt.Sprintf("Mach-O CPU %#x", c)
}

// runsHere returns "" if a program can run on this machine, else the reason why it
// cannot. goarch is modelrun's own. If the system translates programs (Windows on
// Arm, Rosetta under an Intel modelrun), goarch proves nothing, and the probe
// decides.
func runsHere(kind string, archs []string, goos, goarch string) string {
	if want := kindOf(goos); want != "" && kind != want {
		return fmt.Sprintf("python is a %s program, this machine runs %s", kind, want)
	}
	here := archOf(goarch)
	if here == "" || slices.Contains(archs, here) || goos == "windows" || goos == "darwin" && goarch == "amd64" {
		return ""
	}
	return fmt.Sprintf("python is for %s, this machine is %s", strings.Join(archs, " and "), here)
}

func kindOf(goos string) string {
	switch goos {
	case "windows":
		return pe
	case "darwin":
		return machO
	case "linux", "freebsd":
		return elf
	}
	return ""
}

func archOf(goarch string) string {
	switch goarch {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	case "386":
		return "i386"
	case "riscv64", "s390x", "arm":
		return goarch
	}
	return ""
}
