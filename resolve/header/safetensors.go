package header

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Safetensors is what the header of a safetensors file says.
type Safetensors struct {
	Format  string   // of __metadata__: the library that wrote it (pt, tf, flax, mlx), or ""
	Tensors []string // the names of the first 4,096 tensors, in the file's order
}

// The limits of a header. The format's own limit is maxHeader: its library refuses
// a longer one. LoRA trainers write megabytes of captions into __metadata__, which
// is first in the header. A stable-diffusion file has 2,500 tensors, sorted by name,
// and the ones that tell it from another come last.
const (
	maxHeader  = 100_000_000
	readHeader = 8 << 20
	maxTensors = 4096
	maxText    = 1024
)

// ReadSafetensors reads the header of a safetensors file, up to 8 MiB of it. Of a
// longer header it returns what these hold.
//
// The error is [ErrFormat] (also for a file that ends inside its header),
// [ErrNotRegular], or the system's.
func ReadSafetensors(path string) (Safetensors, error) {
	f, size, err := open(path)
	if err != nil {
		return Safetensors{}, err
	}
	defer f.Close()
	return readSafetensors(f, size)
}

func readSafetensors(r io.Reader, size int64) (Safetensors, error) {
	var head [64]byte
	start := head[:min(size, int64(len(head)))]
	if _, err := io.ReadFull(r, start); err != nil {
		return Safetensors{}, err
	}
	if kindOf(start) != KindSafetensors {
		return Safetensors{}, fmt.Errorf("no safetensors header: %w", ErrFormat)
	}
	claimed := int64(binary.LittleEndian.Uint64(start)) //nolint:gosec // isSafetensors has checked it
	if claimed+8 > size {
		return Safetensors{}, fmt.Errorf("the file ends inside its header: %w", ErrFormat)
	}
	length := min(claimed, readHeader)
	var text strings.Builder // the names are parts of it, without a copy of each
	text.Grow(int(length))
	text.Write(start[8:min(int64(len(start)), 8+length)])
	if _, err := io.CopyN(&text, r, length-int64(text.Len())); err != nil {
		return Safetensors{}, err
	}
	var s Safetensors
	if whole := s.parse(text.String()); !whole && claimed <= readHeader {
		return Safetensors{}, fmt.Errorf("the header is not JSON: %w", ErrFormat)
	}
	return s, nil
}

// isSafetensors reports whether head is a possible length, and the begin of a JSON
// object.
func isSafetensors(head []byte) bool {
	if len(head) < 10 || head[8] != '{' {
		return false
	}
	n := binary.LittleEndian.Uint64(head)
	return n >= 2 && n <= maxHeader && strings.IndexByte("\"} \t\r\n", head[9]) >= 0
}

// parse reads the header's JSON until it has all that s can hold. It reports whether
// the text was whole up to there.
func (s *Safetensors) parse(text string) bool {
	p, metadata, done := scan{text: text}, false, false
	whole := p.object(func(key string) bool {
		switch name := unquote(key); {
		case name == "__metadata__" && p.next() == '{':
			metadata = true
			return p.object(func(key string) bool {
				if unquote(key) != "format" || p.next() != '"' {
					return p.skip()
				}
				value := p.quoted()
				s.Format = unquote(value)
				return value != ""
			})
		case name == "__metadata__":
		case name != "" && len(s.Tensors) < maxTensors:
			s.Tensors = append(s.Tensors, name)
		}
		done = len(s.Tensors) == maxTensors && metadata
		return !done && p.skip()
	})
	return whole || done
}

// scan walks over a JSON text without decoding it. It skips what it does not need,
// and does not check it.
type scan struct {
	text string
	at   int
}

// next returns the next byte that is no space, or 0 at the end.
func (p *scan) next() byte {
	for ; p.at < len(p.text); p.at++ {
		if c := p.text[p.at]; c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c
		}
	}
	return 0
}

// object calls value for each key of an object, at the key's value, until value
// returns false. It reports whether it came to the object's end.
func (p *scan) object(value func(key string) bool) bool {
	if p.next() != '{' {
		return false
	}
	p.at++
	for {
		switch p.next() {
		case '}':
			p.at++
			return true
		case ',':
			p.at++
		case '"':
			key := p.quoted()
			if p.next() != ':' {
				return false
			}
			p.at++
			if !value(key) {
				return false
			}
		default:
			return false
		}
	}
}

// quoted returns the string that begins here, with its quotes, or "" if it has no
// end.
func (p *scan) quoted() string {
	for end := p.at + 1; ; end++ {
		i := strings.IndexByte(p.text[end:], '"')
		if i < 0 {
			return ""
		}
		end += i
		before := strings.TrimRight(p.text[p.at+1:end], `\`)
		if escapes := end - p.at - 1 - len(before); escapes%2 == 0 {
			raw := p.text[p.at : end+1]
			p.at = end + 1
			return raw
		}
	}
}

// skip passes over a value of any kind. It reports whether the value has an end.
func (p *scan) skip() bool {
	for depth := 0; p.at < len(p.text); p.at++ {
		switch p.text[p.at] {
		case '"':
			if p.quoted() == "" {
				return false
			}
			if depth == 0 {
				return true
			}
			p.at-- // the loop goes on behind it
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return true // of the object around a number
			}
			if depth--; depth == 0 {
				p.at++
				return true
			}
		case ',':
			if depth == 0 {
				return true
			}
		}
	}
	return false
}

// unquote returns the text of a JSON string of up to maxText bytes, or "".
func unquote(raw string) string {
	if len(raw) < 2 || len(raw) > maxText+2 {
		return ""
	}
	if strings.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	var s string
	_ = json.Unmarshal([]byte(raw), &s) // a wrong escape: as if it were too long
	return s
}
