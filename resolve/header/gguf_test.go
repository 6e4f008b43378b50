package header

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ggufFile builds a GGUF file.
type ggufFile struct {
	order binary.AppendByteOrder
	short bool
	data  []byte
}

func newGGUF(order binary.AppendByteOrder, version uint32, fields uint64) *ggufFile {
	g := &ggufFile{order: order, short: version == 1, data: []byte("GGUF")}
	return g.u32(version).length(0).length(fields)
}

func (g *ggufFile) u32(n uint32) *ggufFile { g.data = g.order.AppendUint32(g.data, n); return g }

func (g *ggufFile) length(n uint64) *ggufFile {
	if g.short {
		return g.u32(uint32(n))
	}
	g.data = g.order.AppendUint64(g.data, n)
	return g
}

func (g *ggufFile) text(s string) *ggufFile {
	g.length(uint64(len(s)))
	g.data = append(g.data, s...)
	return g
}

// field adds a field that is a text.
func (g *ggufFile) field(key, value string) *ggufFile { return g.text(key).u32(ggufString).text(value) }

// list adds the begin of a field that is a list.
func (g *ggufFile) list(key string, kind uint32, n uint64) *ggufFile {
	return g.text(key).u32(ggufArray).u32(kind).length(n)
}

func TestGGUFArchitecture(t *testing.T) {
	t.Parallel()
	for name, order := range map[string]binary.AppendByteOrder{"little": binary.LittleEndian, "big": binary.BigEndian} {
		for version := uint32(1); version <= 3; version++ {
			g := newGGUF(order, version, 7).
				text("general.quantization_version").u32(4).u32(2).
				list("general.tags", ggufString, 2).text("a").text("").
				list("general.sizes", 5, 3).u32(1).u32(2).u32(3).
				text("general.flag").u32(7)
			g.data = append(g.data, 1)
			g.field("general.license", strings.Repeat("x", 10_000)).
				text("general.architecture").u32(4).u32(7). // which nothing writes
				field("general.architecture", "llama")
			got, err := GGUFArchitecture(write(t, string(g.data)))
			require.NoError(t, err, name)
			require.Equal(t, "llama", got)
		}
	}
}

func TestGGUFIsReadInPart(t *testing.T) {
	t.Parallel()
	file := func() *ggufFile { return newGGUF(binary.LittleEndian, 3, math.MaxUint64) }
	for name, g := range map[string]*ggufFile{
		"a list of 2^64 numbers":  file().list("x", 10, math.MaxUint64),
		"a list of 2^64 texts":    file().list("x", ggufString, math.MaxUint64),
		"a text of 2^64 bytes":    file().text("x").u32(ggufString).length(math.MaxUint64),
		"an architecture of 2^64": file().text("general.architecture").u32(ggufString).length(math.MaxUint64),
		"a field's name of 2^64":  file().length(math.MaxUint64),
		"2^64 empty names":        file(),
	} {
		r := endless(string(g.data))
		got, err := ggufArchitecture(r)
		require.NoError(t, err, name)
		require.Empty(t, got, name)
		require.LessOrEqual(t, r.n, maxGGUF, name)
	}
}

func TestGGUFThatIsNot(t *testing.T) {
	t.Parallel()
	little := binary.LittleEndian
	whole := newGGUF(little, 3, 1).field("general.architecture", "llama").data
	for want, content := range map[string][]byte{
		"no GGUF header: damaged, or a file of another format":                      []byte("ggjt\x01\x00\x00\x00"),
		"the file ends inside its metadata: damaged, or a file of another format":   whole[:len(whole)-1],
		"GGUF version 0: damaged, or a file of another format":                      newGGUF(little, 0, 0).data,
		"a value of type 13: damaged, or a file of another format":                  newGGUF(little, 2, 1).text("x").u32(13).data,
		"a list of values of type 9: damaged, or a file of another format":          newGGUF(little, 2, 1).list("x", ggufArray, 1).data,
		"a list of values of type 4294967295: damaged, or a file of another format": newGGUF(little, 2, 1).list("x", math.MaxUint32, 1).data,
	} {
		_, err := GGUFArchitecture(write(t, string(content)))
		require.EqualError(t, err, want)
		require.ErrorIs(t, err, ErrFormat)
	}
	_, err := GGUFArchitecture(write(t, ""))
	require.ErrorIs(t, err, ErrFormat)
	_, err = GGUFArchitecture(write(t, "GGUF"))
	require.ErrorIs(t, err, ErrFormat)
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		_, err = GGUFArchitecture(write(t, string(newGGUF(order, 4, 0).data)))
		require.ErrorIs(t, err, ErrVersion)
		require.EqualError(t, err, "GGUF version 4 is newer than this modelrun knows")
	}
}

func FuzzGGUF(f *testing.F) {
	for version := uint32(0); version < 5; version++ {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			f.Add(newGGUF(order, version, 4).field("general.architecture", "qwen35").list("general.tags", ggufString, 1).text("a").
				text("qwen35.block_count").u32(4).u32(32).field("tokenizer.ggml.model", "gpt2").data)
		}
	}
	f.Add(newGGUF(binary.LittleEndian, 3, math.MaxUint64).list("x", ggufString, math.MaxUint64).data)
	f.Add([]byte(lfs))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := &counted{Reader: bytes.NewReader(data)}
		architecture, err := ggufArchitecture(r)
		if err != nil {
			require.Empty(t, architecture)
		}
		require.LessOrEqual(t, r.n, maxGGUF)
		require.LessOrEqual(t, len(architecture), maxText)
	})
}
