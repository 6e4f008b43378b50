package envdir

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What prune deletes is told by names: each is spelled and read here.
func TestNames(t *testing.T) {
	t.Parallel()
	const hex = "0123abcd"
	r := Root("/r")
	at := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	for path, want := range map[string]string{
		r.Staging("a-key", hex).Path:           "staging",
		r.Retired("meta-llama__Llama-2", hex):  "retired",
		r.Trash(hex):                           "trash",
		r.Log("a-key", at):                     "log",
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
