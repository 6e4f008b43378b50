package header

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const lfs = pointer + "v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"

// zipOf returns the begin of a zip file whose first entry has that name.
func zipOf(name string) string {
	head := make([]byte, 30)
	copy(head, "PK\x03\x04")
	binary.LittleEndian.PutUint16(head[26:], uint16(len(name)))
	return string(head) + name
}

func TestKinds(t *testing.T) {
	t.Parallel()
	for head, want := range map[string]Kind{
		"":                                     "",
		"G":                                    "",
		"GGUF\x03\x00\x00\x00":                 KindGGUF,
		"lmgg\x01\x00\x00\x00":                 KindGGML,
		lfs:                                    KindLFSPointer,
		"version 2":                            "",
		"\x89HDF\r\n\x1a\n\x00":                "",
		"\x80\x02\x8a\x0al\xfc\x9cF\xf9":       KindPickle, // torch.save before 1.6
		"\x80\x04\x95":                         KindPickle, // joblib
		"\x80\x06\x95":                         "",
		"\x80\x02":                             "",
		"PK\x03\x04":                           "",
		"PK\x05\x06":                           "",
		zipOf("archive/data.pkl"):              KindPickle,
		zipOf("pytorch_model/data.pkl"):        KindPickle,
		zipOf("m/.format_version"):             KindPickle,
		zipOf("m/version"):                     KindPickle,
		zipOf("data.pkl"):                      "",
		zipOf("m/data/data.pkl"):               "",
		zipOf("arr_0.npy"):                     "",
		zipOf("config.json")[:35]:              "", // cut
		"\x02\x00\x00\x00\x00\x00\x00\x00{}":   KindSafetensors,
		"\x40\x00\x00\x00\x00\x00\x00\x00{ \"": KindSafetensors,
		"\x40\x00\x00\x00\x00\x00\x00\x00{":    "",
		"\x40\x00\x00\x00\x00\x00\x00\x00[{":   "",
		"\x40\x00\x00\x00\x00\x00\x00\x80{\"a": "", // a header of 2^63 bytes
		"\x06\x00\x00\x00\x0c\x00WhisperSpec":  "", // CTranslate2
		"{\"model_type\": \"llama\"}":          "",
	} {
		path := write(t, head)
		got, err := Sniff(path)
		require.NoError(t, err)
		require.Equal(t, want, got, "%q", head)
	}
}

func TestOnlyRegularFilesAreOpened(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := Sniff(dir)
	require.ErrorIs(t, err, ErrNotRegular)
	_, err = ReadSafetensors(dir)
	require.ErrorIs(t, err, ErrNotRegular)
	_, err = GGUFArchitecture(dir)
	require.ErrorIs(t, err, ErrNotRegular)
	_, err = CardLibrary(dir)
	require.ErrorIs(t, err, ErrNotRegular)
	_, err = Sniff(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func write(t testing.TB, content string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	return path
}

// counted counts what is read of it.
type counted struct {
	io.Reader
	n int
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.n += n
	return n, err
}

// endless is a file that begins with a text and goes on with zeros.
func endless(start string) *counted {
	return &counted{Reader: io.MultiReader(strings.NewReader(start), zeros{})}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func FuzzSniff(f *testing.F) {
	for _, seed := range []string{"GGUF\x03\x00\x00\x00", lfs, zipOf("m/data.pkl"), zipOf("x"), "\x80\x02}", safetensorsOf(`{}`)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		if kindOf(head) != "" {
			require.NotEmpty(t, kindOf(append(bytes.Clone(head), 0)), "more bytes never take a kind away")
		}
	})
}
