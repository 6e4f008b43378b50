package header

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// safetensorsOf returns a file with that header and no tensors.
func safetensorsOf(header string) string {
	return string(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))) + header
}

const tensor = `{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]}`

func TestReadSafetensors(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxText+1)
	for header, want := range map[string]Safetensors{
		`{}`: {},
		`{"__metadata__":{"format":"pt"},"a.weight":` + tensor + `,"b":` + tensor + `}  `:                          {Format: "pt", Tensors: []string{"a.weight", "b"}},
		`{ "a" : ` + tensor + ` , "__metadata__" : { "format" : "mlx" } }`:                                         {Format: "mlx", Tensors: []string{"a"}},
		`{"__metadata__":{"a":"` + long + `","ss_tags":"{\"x\": [1]}","n":5,"o":{"p":[1,{}]},"f\u006frmat":"\\"}}`: {Format: `\`},
		`{"__metadata__":null,"a":1,"b":[[]],"c":"}"}`:                                                             {Tensors: []string{"a", "b", "c"}},
		`{"__metadata__":{"format":5},"a":1}`:                                                                      {Tensors: []string{"a"}},
	} {
		got, err := ReadSafetensors(write(t, safetensorsOf(header)+"weights"))
		require.NoError(t, err, header)
		require.Equal(t, want, got, header)
	}
}

func TestSafetensorsThatAreNot(t *testing.T) {
	t.Parallel()
	whole := safetensorsOf(`{"a":` + tensor + `}`)
	for content, want := range map[string]string{
		"":                                    "no safetensors header: damaged, or a file of another format",
		"\x80\x02}q\x00.......":               "no safetensors header: damaged, or a file of another format",
		whole[:len(whole)-1]:                  "the file ends inside its header: damaged, or a file of another format",
		safetensorsOf(`{"a":` + tensor):       "the header is not JSON: damaged, or a file of another format",
		safetensorsOf(`{"a" ` + tensor + `}`): "the header is not JSON: damaged, or a file of another format",
		safetensorsOf(`{"__metadata__":{"format":"pt},"a":[1,2]}`): "the header is not JSON: damaged, or a file of another format",
		safetensorsOf(`{"__metadata__":{"format":`):                "the header is not JSON: damaged, or a file of another format",
	} {
		_, err := ReadSafetensors(write(t, content))
		require.EqualError(t, err, want, "%q", content)
		require.ErrorIs(t, err, ErrFormat)
	}
	_, err := ReadSafetensors(write(t, lfs))
	require.ErrorIs(t, err, ErrFormat)
	_, err = readSafetensors(endless("\xff\xff\xff\xff\xff\xff\xff\x7f{\"a\":"), math.MaxInt64)
	require.ErrorIs(t, err, ErrFormat, "no memory for a header of 2^63 bytes")
}

func TestALongSafetensorsHeaderIsReadInPart(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 2 * maxTensors {
		fmt.Fprintf(&b, `,"t%d":%s`, i, tensor)
	}
	got, err := ReadSafetensors(write(t, safetensorsOf(`{"__metadata__":{"format":"pt"}`+b.String()+"}")))
	require.NoError(t, err)
	require.Len(t, got.Tensors, maxTensors)
	require.Equal(t, "t4095", got.Tensors[maxTensors-1])

	claimed := string(binary.LittleEndian.AppendUint64(nil, maxHeader))
	r := endless(claimed + `{"__metadata__":{"format":"pt"},"a":` + tensor + `,"b":"`)
	got, err = readSafetensors(r, math.MaxInt64)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, got.Tensors)
	require.Equal(t, "pt", got.Format)
	require.LessOrEqual(t, r.n, readHeader+8)
}

func FuzzSafetensors(f *testing.F) {
	for _, header := range []string{
		`{}`, `{"__metadata__":{"format":"pt"},"a.weight":` + tensor + `}`, `{"a":` + tensor + `,"__metadata__":{"format":"mlx"}}   `,
		`{"__metadata__":{"ss_network_module":"networks.lora","t":"{\"a\":1}"},"lora_unet_x.alpha":` + tensor + `}`, `{"a":[[`, `{"a":"\`,
	} {
		f.Add([]byte(safetensorsOf(header)))
	}
	f.Add([]byte(lfs))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := readSafetensors(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			require.Empty(t, s)
		}
		require.LessOrEqual(t, len(s.Tensors), maxTensors)
		require.LessOrEqual(t, len(s.Format), maxText)
	})
}
