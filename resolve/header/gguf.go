package header

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
)

// maxGGUF limits what is read of a GGUF file. The general fields are first in every
// file that was seen.
const maxGGUF = 1 << 20

// GGUFArchitecture returns general.architecture (llama, qwen3, flux, …) of a GGUF file
// of version 1 to 3 and either byte order. It is "" if the first 1 MiB does not have it,
// or if it is longer than 1,024 bytes.
//
// The error is [ErrVersion], [ErrFormat] (also for a file that ends before that field),
// [ErrNotRegular], or the system's.
func GGUFArchitecture(path string) (string, error) {
	f, _, err := open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return ggufArchitecture(f)
}

func ggufArchitecture(r io.Reader) (string, error) {
	limited := &io.LimitedReader{R: r, N: maxGGUF}
	p := ggufReader{r: bufio.NewReader(limited), order: binary.LittleEndian}
	head, err := p.r.Peek(len("GGUF"))
	if kindOf(head) != KindGGUF {
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		return "", fmt.Errorf("no GGUF header: %w", ErrFormat)
	}
	architecture, err := p.architecture()
	switch {
	case errors.Is(err, io.EOF) && limited.N > 0:
		return "", fmt.Errorf("the file ends inside its metadata: %w", ErrFormat)
	case err != nil && !errors.Is(err, io.EOF):
		return "", err
	}
	return architecture, nil
}

// ggufReader reads numbers and texts. After an error, all are zero.
type ggufReader struct {
	r     *bufio.Reader
	order binary.ByteOrder
	short bool // version 1: lengths have 4 bytes, not 8
	err   error
}

// The types of values that have no fixed size.
const (
	ggufString = 8
	ggufArray  = 9
)

// ggufSizes holds the bytes of each type of value, or 0.
const ggufSizes = "\x01\x01\x02\x02\x04\x04\x04\x01\x00\x00\x08\x08\x08"

// architecture reads the head up to general.architecture. The error is io.EOF where what
// can be read ends before.
func (p *ggufReader) architecture() (string, error) {
	p.skip(4)                      // the magic bytes
	version := uint32(p.number(4)) //nolint:gosec // of 4 bytes
	if version&0xFFFF == 0 {
		p.order, version = binary.BigEndian, bits.ReverseBytes32(version)
	}
	switch {
	case p.err == nil && version == 0:
		return "", fmt.Errorf("GGUF version 0: %w", ErrFormat)
	case version > 3:
		return "", fmt.Errorf("GGUF version %d is %w", version, ErrVersion)
	}
	p.short = version == 1
	p.length() // of the list of tensors
	for n := p.length(); n > 0 && p.err == nil; n-- {
		found := string(p.text()) == "general.architecture"
		kind := p.number(4)
		if found && kind == ggufString {
			text := string(p.text())
			return text, p.err
		}
		p.value(kind)
	}
	return "", p.err
}

// number reads a number of up to 8 bytes.
func (p *ggufReader) number(size int) uint64 {
	if p.err != nil {
		return 0
	}
	var b []byte
	if b, p.err = p.r.Peek(size); p.err != nil {
		return 0
	}
	p.skip(uint64(size)) //nolint:gosec // 4 or 8
	if size == 4 {
		return uint64(p.order.Uint32(b))
	}
	return p.order.Uint64(b)
}

// length reads the length of a text or of a list.
func (p *ggufReader) length() uint64 {
	if p.short {
		return p.number(4)
	}
	return p.number(8)
}

// text reads a text, which is valid until the next read. It passes over a text
// longer than maxText bytes.
func (p *ggufReader) text() (b []byte) {
	n := p.length()
	if p.err == nil && n <= maxText {
		b, p.err = p.r.Peek(int(n)) //nolint:gosec // up to maxText
	}
	p.skip(n)
	return b
}

// skip passes over n bytes. More than can be read is io.EOF.
func (p *ggufReader) skip(n uint64) {
	if p.err == nil {
		_, p.err = p.r.Discard(int(min(n, maxGGUF+1))) //nolint:gosec // up to 1 MiB
	}
}

// value passes over a value of one type.
func (p *ggufReader) value(kind uint64) {
	switch {
	case kind == ggufString:
		p.skip(p.length())
	case kind == ggufArray:
		kind = p.number(4)
		n := p.length()
		switch {
		case kind == ggufString:
			for ; n > 0 && p.err == nil; n-- {
				p.skip(p.length())
			}
		case p.err == nil && (kind >= uint64(len(ggufSizes)) || ggufSizes[kind] == 0): // a list of lists, which nothing writes
			p.err = fmt.Errorf("a list of values of type %d: %w", kind, ErrFormat)
		case p.err == nil:
			p.skip(min(n, maxGGUF) * uint64(ggufSizes[kind]))
		}
	case p.err != nil:
	case kind >= uint64(len(ggufSizes)):
		p.err = fmt.Errorf("a value of type %d: %w", kind, ErrFormat)
	default:
		p.skip(uint64(ggufSizes[kind]))
	}
}
