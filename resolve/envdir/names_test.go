package envdir

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/resolve/fault"
)

// TestNames creates and parses each kind of name, because prune identifies what it
// deletes by name.
func TestNames(t *testing.T) {
	t.Parallel()
	const hex = "0123abcd"
	r := Root("/r")
	at := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	for path, want := range map[string]string{
		r.Staging("a-key", hex).Path:           "staging",
		r.Retired("meta-llama__Llama-2", hex):  "retired",
		r.Trash(hex):                           "trash",
		r.Files("a-key").Log(at):               "log",
		"/r/.x.json-" + hex:                    "temp",
		"/r/.write-" + hex:                     "temp",
		"/r/.trash-":                           "",
		"/r/.trash-mine":                       "",
		"/r/.trash-" + hex + "0":               "",
		"/r/-" + hex:                           "",
		"/r/a-key-" + hex[1:]:                  "",
		"/r/a-key-0123ABCD":                    "",
		"/r/a_key_" + hex:                      "",
		"/r/A-KEY-20260203T040506Z.log":        "",
		"/r/a-key-20261303T040506Z.log":        "",
		"/r/a-key.log":                         "",
		"/r/20260203T040506Z.log":              "",
		"/r/nul-20260203T040506Z.log":          "",
		"/r/a-key-20260203T040506Z.log.gz":     "",
		"/r/model-20260203T040506Z.log-" + hex: "retired",
	} {
		name, got := filepath.Base(path), ""
		k, at2, isLog := ParseLog(name)
		_, suffix, isRetired := ParseRetired(name)
		_, _, isStaging := ParseStaging(name)
		switch {
		case isLog:
			got = "log"
			require.Equal(t, Key("a-key"), k)
			require.True(t, at.Equal(at2))
		case ParseTrash(name):
			got = "trash"
		case ParseTemp(name):
			got = "temp"
		case isStaging:
			got = "staging"
		case isRetired:
			got = "retired"
			require.Equal(t, hex, suffix)
		}
		if name == "model-20260203T040506Z.log-"+hex {
			require.False(t, isStaging)
		}
		require.Equal(t, want, got, name)
	}
}

func TestExtrasKeys(t *testing.T) {
	t.Parallel()
	k, err := Key("onnx-cpu").WithExtras("0123abcd")
	require.NoError(t, err)
	require.Equal(t, Key("onnx-cpu--x-0123abcd"), k)
	_, ok := k.Locked()
	require.False(t, ok)
	l, err := Key("onnx-cpu").WithLock("0123abcd")
	require.NoError(t, err)
	require.Equal(t, Key("onnx-cpu--l-0123abcd"), l)
	base, ok := l.Locked()
	require.True(t, ok)
	require.Equal(t, Key("onnx-cpu"), base)
	base, hash, ok := k.Extras()
	require.True(t, ok)
	require.Equal(t, Key("onnx-cpu"), base)
	require.Equal(t, "0123abcd", hash)
	for _, k := range []Key{"", "onnx-cpu", "--x-0123abcd", "a-x-0123abcd", "a--x-0123abcg", "a--x-0123abc", "con--x-0123abcd"} {
		base, _, ok := k.Extras()
		require.False(t, ok, k)
		require.Equal(t, k, base)
	}
	long := Key(strings.Repeat("a", 52))
	k, err = long.WithExtras("0123abcd")
	require.NoError(t, err)
	_, err = ParseKey(string(k))
	require.NoError(t, err)
	_, err = (long + "a").WithExtras("0123abcd")
	require.Equal(t, fault.BadKey, fault.CodeOf(err))
	// The name of a staging folder is not such a key.
	parsed, suffix, ok := ParseStaging(string(k) + "-deadbeef")
	require.True(t, ok)
	require.Equal(t, k, parsed)
	require.Equal(t, "deadbeef", suffix)
}
